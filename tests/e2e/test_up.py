"""`turnout up` and the commands around it, as a user types them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import manifests
from tests.e2e.manifests import deployment, split, virtual_service
from tests.e2e.site import Site, is_ready, settings, until
from tests.ports import free_port

from turnout.resources.kinds import SERVICE, VIRTUAL_SERVICE

pytestmark = pytest.mark.e2e


def shown(site: Site) -> dict[str, str]:
    """The weights of the one route, as the status has them."""
    return dict(site.status()["services"][0]["routes"][0]["weights"])


def drift(site: Site) -> list[tuple[str, Any, Any]]:
    return [(found["path"], found["file_value"], found["live_value"]) for found in site.status()["drift"]]


# --- from the first request to the last


def test_up_serves_status_tells_logs_print_down_ends(site: Site) -> None:
    up = site.up()
    assert [site.get().version for _ in range(5)] == ["v1"] * 5
    status = site.run("status")
    assert (status.status, status.err) == (0, "")
    for word in ("app.test", f"http://127.0.0.1:{site.port}", "v1", "v2", "100 %", f"control pid {up.pid}"):
        assert word in status.out
    told = json.loads(site.run("status", "--json").out)
    assert told["problems"] == told["drift"] == []
    logs = site.run("logs", "app-v2")
    assert (logs.status, logs.out) == (0, "v2 listens\n")
    everything = site.run("logs").out
    assert "v1 listens" in everything
    assert "v2 listens" in everything
    assert "known: app-v1, app-v2, envoy, turnout" in site.run("logs", "app-v3").err
    down = site.run("down")
    assert (down.status, down.out, down.err) == (0, "stopped\n", "")
    assert up.ended() == 0
    assert up.err == ""
    assert f"http://127.0.0.1:{site.port}" in up.out
    site.assert_nothing_runs()
    assert site.get().status == 0
    assert site.run("status").status == 1


def test_in_the_background_it_is_ready_when_the_command_returns(site: Site) -> None:
    up = site.run(*site.up_arguments("-d"))
    assert (up.status, up.err) == (0, "")
    assert site.get().status == 200, "at once"
    assert f"http://127.0.0.1:{site.port}" in up.out
    below = site.folder / "k8s"
    elsewhere = subprocess.run(
        [sys.executable, "-m", "turnout", "down"],
        cwd=below,
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (elsewhere.returncode, elsewhere.stdout) == (0, "stopped\n"), "the state is found from a folder below"
    site.assert_nothing_runs()


def test_in_a_terminal_it_shows_what_goes_on(site: Site) -> None:
    """Services, weights and pods, drawn again and again; a change shows without another command."""
    screen, terminal = pty.openpty()
    environment = {**site.environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    up = subprocess.Popen(
        [sys.executable, "-m", "turnout", *site.up_arguments()],
        cwd=site.folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen: list[str] = []

    def shows(pattern: str) -> bool:
        if select.select([screen], [], [], 0)[0]:
            seen.append(os.read(screen, 65536).decode(errors="replace"))
        return bool(re.search(pattern, "".join(seen)))

    try:
        until("both versions are in service", lambda: shows(r"v1 +100 % +1/1 .*\s+v2 +0 % +1/1 "))
        assert site.run("shift", "app", "v2=25").status == 0
        until("the new weights are shown", lambda: shows(r"v1 +75 % +1/1 .*\s+v2 +25 % +1/1 "))
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=20) == 0
        until("it says goodbye", lambda: shows("stopped"))
    finally:
        up.terminate()
        os.close(screen)
    site.assert_nothing_runs()


def test_the_state_is_its_owners_alone(site: Site) -> None:
    site.up()
    modes = {path.name: path.stat().st_mode & 0o777 for path in [site.state, *site.state.iterdir()]}
    assert {modes[name] for name in (".turnout", "logs", "run")} == {0o700}
    assert {modes[name] for name in ("state.db", "kubeconfig", "lock")} == {0o600}
    sockets = [path for path in (site.state / "run").iterdir() if path.is_socket()]
    assert {path.stat().st_mode & 0o777 for path in sockets} == {0o600}


def test_a_gateway_listens_where_turnout_yaml_says(site: Site) -> None:
    """`--gateway-port` wins over it."""
    other = free_port()
    text = json.loads(settings())
    site.write("turnout.yaml", json.dumps({**text, "gatewayPorts": {"80": other}}))
    up = site.start()
    until("it serves", lambda: site.get().status == 200)
    site.run("down")
    assert up.ended() == 0
    site.port, chosen = other, site.port
    assert site.run("up", "k8s", "-d").status == 0
    assert site.get().status == 200
    assert chosen != other


# --- workloads


def test_a_pod_gets_its_environment_and_ports_of_its_own(site: Site) -> None:
    """ConfigMap, Secret, field reference, and the PORT that Turnout chose, whatever the manifest says."""
    references: list[manifests.Object] = [
        {"name": "PORT", "value": "8080"},
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "BOTH", "value": "$(COLOUR) on $(PORT)"},
    ]
    site.apply("v1.yaml", deployment("v1", env=references))
    site.apply(
        "settings.yaml",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "blue"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"key": "aGlkZGVu"}},
    )
    site.up()
    (pod,) = site.pods("app-v1")
    port = str(pod["ports"]["8080"])
    told = {name: site.get(f"/env/{name}").body for name in ("PORT", "COLOUR", "KEY", "POD", "BOTH", "NO_PROXY")}
    assert told == {
        "PORT": port,
        "COLOUR": "blue",
        "KEY": "hidden",
        "POD": pod["name"],
        "BOTH": f"blue on {port}",
        "NO_PROXY": "localhost,127.0.0.1,::1",
    }
    assert site.get("/env/http_proxy").body.startswith("http://127.0.0.1:")


def test_a_process_that_keeps_ending_is_in_a_crash_loop_until_it_is_repaired(site: Site) -> None:
    """`up -d` does not wait for it, the rest serves, and its last words are shown."""
    site.apply("v2.yaml", deployment("v2", env={"DIES": "sorry"}))
    assert site.run(*site.up_arguments("-d")).status == 0
    assert site.get().status == 200
    pod = site.until_status(
        "it has been started three times", lambda _: next((p for p in site.pods("app-v2") if p["restarts"] >= 2), None)
    )
    assert pod["phase"] in {"crash-loop", "starting"}
    assert "exited with status 1" in pod["message"]
    assert "dying as told, with sorry" in pod["message"]
    assert "dying as told, with sorry" in site.run("status").out
    site.apply("v2.yaml", deployment("v2"))
    site.until_status("v2 is ready", is_ready)


def test_liveness_restarts_and_readiness_takes_out_of_service(site: Site) -> None:
    """Probes that run a command: a file says how the pod is."""
    probes: dict[str, Any] = {
        name: {"exec": {"command": ["test", "!", "-e", file]}, "periodSeconds": 1, "failureThreshold": 1}
        for name, file in (("livenessProbe", "dead"), ("readinessProbe", "busy"))
    }
    site.apply("v1.yaml", deployment("v1", **probes))
    site.write("turnout.yaml", settings(watch=["service.py"]))
    site.up()
    (before,) = site.pods("app-v1")
    site.write("app/busy", "")
    until("it gets no requests", lambda: site.get().status == 503)
    (site.folder / "app" / "busy").unlink()
    until("it gets requests again", lambda: site.get().status == 200)
    assert site.pods("app-v1")[0]["pid"] == before["pid"]
    site.write("app/dead", "")
    until("it was ended", lambda: site.pods("app-v1")[0]["pid"] != before["pid"])
    (site.folder / "app" / "dead").unlink()
    until("it serves again", lambda: site.get().status == 200)


def test_a_process_that_listens_elsewhere_is_told_so(site: Site) -> None:
    astray = free_port()
    site.write("turnout.yaml", settings(f"sh -c 'PORT={astray} exec {sys.executable} service.py'"))
    site.start()
    expected = f"listens on port {astray} instead of its PORT"
    # Both versions run this command, and only one can have the port.
    site.until_status(
        "the port is named",
        lambda _: [pod for pod in (*site.pods("app-v1"), *site.pods("app-v2")) if expected in pod["message"]],
    )


def test_what_runs_already_is_attached_to_and_left_running(site: Site) -> None:
    port = free_port()
    outside = subprocess.Popen(
        [sys.executable, str(site.service_file)], env={**os.environ, "PORT": str(port), "VERSION": "outside"}
    )
    try:
        image = json.loads(settings())["images"]["app"]
        site.write("turnout.yaml", json.dumps({"images": {"app": image, "legacy": {"attach": f"127.0.0.1:{port}"}}}))
        site.apply("v1.yaml", deployment("v1", image="legacy"))
        site.up()
        assert site.get().version == "outside"
        assert site.run("down").status == 0
        assert outside.poll() is None
    finally:
        outside.terminate()
        outside.wait()


def test_logs_are_followed_across_restarts(site: Site) -> None:
    site.up()
    with subprocess.Popen(
        [sys.executable, "-m", "turnout", "logs", "app-v1", "-f"],
        cwd=site.folder,
        env={**site.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "v1 listens\n"
        os.kill(site.pods("app-v1")[0]["pid"], signal.SIGTERM)
        assert following.stdout.readline() == "v1 ends\n"
        assert following.stdout.readline() == "v1 listens\n"
        assert site.run("down").status == 0
        assert following.wait(timeout=20) == 0, "there is nothing to follow any more"


# --- saved files


def test_a_saved_source_rolls_its_workload(site: Site) -> None:
    """Without a gap, and nothing but that workload; several replicas, and a change of their number, too."""
    site.apply("v1.yaml", deployment("v1", replicas=2))
    site.up()
    before = {pod["pid"] for pod in site.pods("app-v1")}
    site.write("app/service.py", site.service_file.read_text() + "# saved\n")
    statuses: set[int] = set()

    def rolled() -> bool:
        statuses.add(site.get().status)
        return is_ready(site.status()) and not before & {pod["pid"] for pod in site.pods("app-v1")}

    until("both are new", rolled)
    assert statuses == {200}
    after = {pod["pid"] for pod in site.pods("app-v1")}
    site.apply("v1.yaml", deployment("v1", replicas=3))
    site.until_status("a third one", lambda status: is_ready(status) and len(site.pods("app-v1")) == 3)
    assert after < {pod["pid"] for pod in site.pods("app-v1")}
    site.apply("v1.yaml", deployment("v1", replicas=1))
    site.until_status("only one", lambda status: is_ready(status) and len(site.pods("app-v1")) == 1)


def test_a_saved_manifest_is_applied(site: Site) -> None:
    site.up()
    site.apply("route.yaml", virtual_service(split({"v1": 0, "v2": 100})))
    until("v2 answers", lambda: site.get().version == "v2")
    site.apply("extra.yaml", manifests.service("other"), virtual_service(split({"v1": 1, "v2": 1}), name="other"))
    until("the new objects are there", lambda: len(site.status()["services"]) == 2)
    (site.folder / "k8s" / "extra.yaml").unlink()
    until("they are gone", lambda: len(site.status()["services"]) == 1)
    assert site.get().version == "v2"


def test_what_was_shifted_live_stays_until_the_file_changes_that_field(site: Site) -> None:
    """The last-applied rule; and what no file made is left alone."""
    site.up()
    with site.client() as client:
        client.create(
            SERVICE, {**manifests.service("by-hand"), "metadata": {"name": "by-hand", "namespace": "default"}}
        )
    assert site.run("shift", "app", "v2=50").status == 0
    assert drift(site) == [("spec.http[0].route[0].weight", 100, 50), ("spec.http[0].route[1].weight", 0, 50)]
    assert "live 50, file 100" in site.run("status").out

    site.apply("service.yaml", {**manifests.service(), "metadata": {"name": "app", "labels": {"saved": "yes"}}})
    until("the save was seen", lambda: live(site, "Service").get("labels"))
    assert shown(site) == {"v1": "50", "v2": "50"}, "another file"

    route = {**split({"v1": 100, "v2": 0}), "timeout": "5s"}
    site.apply("route.yaml", virtual_service(route))
    until("the save was seen", lambda: "timeout" in live_route(site))
    assert shown(site) == {"v1": "50", "v2": "50"}, "another field of the same file"

    site.apply("route.yaml", virtual_service({**split({"v1": 90, "v2": 10}), "timeout": "5s"}))
    until("the file wins", lambda: shown(site) == {"v1": "90", "v2": "10"})
    assert drift(site) == []
    assert [found["name"] for found in site.status()["services"]] == ["app", "by-hand"]


def live(site: Site, kind: str) -> dict[str, Any]:
    assert kind == "Service"
    with site.client() as client:
        return dict(client.get(SERVICE, "default", "app")["metadata"])


def live_route(site: Site) -> dict[str, Any]:
    with site.client() as client:
        return dict(client.get(VIRTUAL_SERVICE, "default", "app")["spec"]["http"][0])


ROUTE = """\
# All that comes from outside.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app}
spec:
  hosts: ["app.test"]   # in /etc/hosts, or by --connect
  gateways: [gateway]
  http:
    - name: main
      route:
        - destination: {host: app, subset: v1}
          weight: 100   # the old one
        - destination: {host: app, subset: v2}
          weight: 0
"""


def test_shift_write_edits_the_file_in_place(site: Site) -> None:
    """Comments and layout stay; the saved file is what lives, so that nothing is applied and nothing drifts."""
    route = site.write("k8s/route.yaml", ROUTE)
    site.up()
    shifted = site.run("shift", "app", "v2=0.1", "--write")
    assert (shifted.status, shifted.err) == (0, "")
    assert "v2 0 → 0.1" in shifted.out
    assert "wrote k8s/route.yaml" in shifted.out
    assert route.read_text() == ROUTE.replace("weight: 100", "weight: 999").replace("weight: 0", "weight: 1")
    until("nothing drifts", lambda: drift(site) == [])
    assert shown(site) == {"v1": "99.9", "v2": "0.1"}


def test_a_bad_file_changes_nothing_and_is_shown_until_it_is_right(site: Site) -> None:
    """Neither a broken text nor an object that makes no sense; other files of the same save wait with it."""
    up = site.up()
    good = (site.folder / "k8s" / "route.yaml").read_text()
    site.write("k8s/route.yaml", ROUTE.replace("weight: 0", "weihgt: 0"))
    (found,) = site.until_status("it is shown", lambda status: status["problems"])
    assert found["where"] == "k8s/route.yaml:14:11"
    assert "weihgt" in found["message"]
    assert "weight" in found["hint"]
    assert site.get().version == "v1"
    status = site.run("status")
    assert status.status == 1
    assert "k8s/route.yaml:14:11: error: " in status.out
    site.apply("v1.yaml", deployment("v1", replicas=2))
    until("a good file beside it is not applied alone", lambda: "k8s/route.yaml:14:11" in up.out)
    assert len(site.pods("app-v1")) == 1
    site.write("k8s/route.yaml", good)
    site.until_status("all is well", lambda status: not status["problems"] and len(site.pods("app-v1")) == 2)
    until("it is said", lambda: "solved: k8s/route.yaml:14:11" in up.out)


# --- two of them


def test_two_projects_run_side_by_side(new_site: Callable[[], Site]) -> None:
    """Each with its Envoy, its ports and its state."""
    first, second = new_site(), new_site()
    second.apply("route.yaml", virtual_service(split({"v1": 0, "v2": 100})))
    first.up()
    second.up()
    assert (first.get().version, second.get().version) == ("v1", "v2")
    assert first.run("down").status == 0
    first.assert_nothing_runs()
    assert second.get().version == "v2"


def test_a_long_path_is_no_obstacle(site: Site) -> None:
    """Longer than a unix socket's may be."""
    state = Path(site.folder, *["a-folder-of-some-length"] * 8)
    up = site.start("--state", str(state))
    until("it serves", lambda: site.get().status == 200)
    assert site.run("down", "--state", str(state)).status == 0
    assert up.ended() == 0
    site.assert_nothing_runs()
