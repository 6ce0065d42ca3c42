"""What is nobody's mistake, or ours: taken ports, what Envoy refuses, bugs. Shown, and traffic goes on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.e2e.manifests import document, gateway
from tests.e2e.mistakes import ROUTE, only, right, solved
from tests.e2e.site import Site, Up, is_ready, until

pytestmark = [pytest.mark.e2e]


# --- ports


def test_a_gateways_port_that_is_taken_is_named_and_nothing_starts(site: Site) -> None:
    right(site)
    with socket.create_server(("127.0.0.1", site.port)):
        outcome = site.run(*site.up_arguments())
    assert outcome.status == 1
    me = psutil.Process()
    assert outcome.err == (
        f"error: k8s/gateway.yaml:12:11: port {site.port} (for the Gateway's port 80) is taken by {me.name()} "
        f"(pid {me.pid})\nhint: stop it, or choose another port: --gateway-port 80=<port>\n"
    )
    site.assert_nothing_runs()


def with_another_port(port: int) -> str:
    whole = gateway()
    whole["spec"]["servers"].append(
        {"port": {"number": port, "name": "more", "protocol": "HTTP"}, "hosts": ["app.test"]}
    )
    return document(whole)


def test_a_port_that_is_taken_while_it_runs_is_named_and_taken_once_it_is_free(running: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        running.write("k8s/gateway.yaml", with_another_port(port))
        problem = only(running, "TNO402")
        assert problem["where"] == "k8s/gateway.yaml:22:11"
        assert f"port {port} (for the Gateway's port {port}) is taken by " in problem["message"]
        assert f"(pid {os.getpid()})" in problem["message"]
        assert f"--gateway-port {port}=<port>" in problem["hint"]
        assert running.get().status == 200
    running.until_status("it listens", lambda status: not status["problems"])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    solved(running)
    until("it listens no more", lambda: refused(port))


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_two_gateway_ports_that_would_listen_on_one_are_told_apart(running: Site) -> None:
    running.write("k8s/gateway.yaml", with_another_port(running.port))
    problem = only(running, "TNO406")
    assert problem["where"] == "k8s/gateway.yaml:22:11"
    assert f"80 and {running.port} would both listen on {running.port}" in problem["message"]
    assert running.get().status == 200


# --- faults of ours

FAULTY = """\
from copy import deepcopy
from pathlib import Path

from turnout.cli import main
from turnout.compiler.config import CLUSTER, Config
from turnout.control import desired

sound, fault = desired.compile, Path("fault")


def compile(*arguments):
    wanted = fault.read_text() if fault.exists() else ""
    if wanted == "raise":
        raise RuntimeError("out of order")
    resources = sound(*arguments).resources
    made = {kind: [deepcopy(r.message) for r in group.values()] for kind, group in resources.items()}
    if wanted == "nonsense":
        for cluster in made[CLUSTER]:
            cluster.connect_timeout.seconds = -1
    return Config.of(*made.values())


desired.compile = compile
main()
"""


@pytest.fixture
def faulty(site: Site) -> Site:
    """It runs, with a compiler that does what the file `fault` says."""
    right(site)
    script = site.write("tmp/faulty.py", FAULTY)
    out, err = site.folder / "tmp" / "out", site.folder / "tmp" / "err"
    with out.open("wb") as output, err.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(script), *site.up_arguments()],
            cwd=site.folder,
            env=site.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    site.ups.append(Up(process, out, err))
    site.until_status("all of it serves", is_ready)
    return site


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("nonsense", "TNO403", "Envoy rejected outbound|80|"),
        ("raise", "TNO405", "a bug in Turnout keeps it from taking the change in: RuntimeError: out of order"),
    ],
)
def test_a_fault_of_ours_is_shown_and_ends_nobodys_traffic(faulty: Site, fault: str, code: str, said: str) -> None:
    (faulty.folder / "fault").write_text(fault)
    faulty.write("k8s/route.yaml", ROUTE.replace("weight: 100", "weight: 0").replace("weight: 0\n", "weight: 100\n"))
    problem = faulty.until_status("it is shown", lambda s: next((p for p in s["problems"] if p["code"] == code), None))
    assert said in problem["message"]
    assert "report" in problem["hint"]
    assert faulty.get().status == 200
    assert faulty.run("status").status == 1
    (faulty.folder / "fault").unlink()
    faulty.write("k8s/route.yaml", ROUTE.replace("weight: 100", "weight: 1").replace("weight: 0", "weight: 99"))
    faulty.until_status("it is solved", lambda status: not status["problems"] and status["up_to_date"])
    up = faulty.ups[0]
    assert "Traceback" not in up.err + up.out
    assert ("RuntimeError: out of order" in read(faulty.state / "logs" / "crash.log")) is (fault == "raise")


def test_a_fault_of_ours_at_the_start_is_no_traceback(site: Site) -> None:
    right(site)
    (site.folder / "fault").write_text("raise")
    ended = subprocess.run(
        [sys.executable, str(site.write("tmp/faulty.py", FAULTY)), *site.up_arguments()],
        cwd=site.folder,
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    crash_log = site.state / "logs" / "crash.log"
    assert ended.stderr.endswith(
        f"error: a bug in Turnout: RuntimeError: out of order\nhint: please report it, with {crash_log}\n"
    )
    assert "Traceback" not in ended.stderr + ended.stdout
    assert "Traceback" in read(crash_log)
    site.assert_nothing_runs()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
