"""Whatever is written wrong is told with its place and a hint, and nothing of it takes effect."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest
from tests.e2e.manifests import deployment, document, gateway, service
from tests.e2e.site import Outcome, Site, Up, free_port, settings, until

from turnout.cli import main
from turnout.resources.kinds import KINDS

pytestmark = [pytest.mark.e2e]

ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app}
spec:
  hosts: ["app.test"]
  gateways: [gateway]
  http:
    - name: main
      route:
        - destination: {host: app, subset: v1}
          weight: 100
        - destination: {host: app, subset: v2}
          weight: 0
"""
SETTINGS = f"""\
images:
  app:
    context: app
    run: {sys.executable} service.py
    watch: ["*.py"]
"""
FILE_BYTES = 2_000_000
MOST_BYTES = 400 * 1024 * 1024
MOST_SECONDS = 20.0
"""Far above what is needed on an idle machine, far below what the files below would take without bounds."""


def many_anchors() -> str:
    """Each level stands for nine of the one before: 9 to the power of thousands."""
    lines, size = ["a0: &a0 [x]\n"], 0
    while size < FILE_BYTES:
        before = f"*a{len(lines) - 1}"
        lines.append(f"a{len(lines)}: &a{len(lines)} [{', '.join([before] * 9)}]\n")
        size += len(lines[-1])
    return "".join(lines)


def deep_anchors() -> str:
    """An anchor in an anchor in an anchor."""
    depth = FILE_BYTES // 10
    return "a: " + "".join(f"&a{level} [" for level in range(depth)) + "]" * depth


@dataclass(frozen=True, slots=True)
class Mistake:
    """A file with a mistake in it, and what is to be said about it. No `text`: a link that leads nowhere."""

    file: str
    text: str | bytes | None
    where: str
    message: str
    hint: str = ""


def route(old: str, new: str, line: int, column: int, message: str, hint: str = "") -> Mistake:
    """ROUTE with something else in it."""
    assert ROUTE.count(old) == 1
    return Mistake("k8s/route.yaml", ROUTE.replace(old, new), f"k8s/route.yaml:{line}:{column}", message, hint)


def setting(old: str, new: str, line: int, column: int, message: str, hint: str = "") -> Mistake:
    """turnout.yaml with something else in it."""
    assert SETTINGS.count(old) == 1
    return Mistake("turnout.yaml", SETTINGS.replace(old, new), f"turnout.yaml:{line}:{column}", message, hint)


MISTAKES = {
    "YAML that ends too early": route('["app.test"]', '["app.test"', 6, 3, "`[` is not closed", "end them with `]`"),
    "a tab in the indentation": route("  gateways", "\tgateways", 6, 1, "a tab in the indentation", "spaces only"),
    "an unknown field": route("weight: 0", "weigth: 0", 13, 11, "weigth", "did you mean `weight`?"),
    "a negative weight": route("weight: 0", "weight: -1", 13, 11, "weight -1 < 0", "0 or more"),
    "weights that total 0": route("weight: 100", "weight: 0", 9, 7, "total destination weight = 0", "above 0"),
    "a value of the wrong type": route("{host: app, subset: v2}", "app", 12, 11, "expected a mapping, not the text"),
    "a key that is given twice": route("  gateways:", "  hosts: []\n  gateways:", 6, 3, '"hosts" is given twice'),
    "an alias without its anchor": route("[gateway]", "*gateways", 6, 13, "no anchor `&gateways`"),
    "no apiVersion": route("apiVersion: networking.istio.io/v1\n", "", 1, 1, "`apiVersion` is missing", "starts with"),
    "an object that is in another file too": Mistake(
        "k8s/same.yaml", ROUTE, "k8s/same.yaml:1:1", "VirtualService default/app is also in k8s/route.yaml:1:1", "keep"
    ),
    "an empty file": Mistake("k8s/route.yaml", "", "k8s/route.yaml:1:1", "the file is empty", "delete the file"),
    "no text at all": Mistake(
        "k8s/route.yaml", bytes(range(128, 256)), "k8s/route.yaml:1:1", "not UTF-8 text", "save the file as UTF-8"
    ),
    "a link that leads nowhere": Mistake("k8s/link.yaml", None, "k8s/link.yaml:1:1", "No such file", "check the path"),
    "anchors that multiply": Mistake("k8s/many.yaml", many_anchors(), "k8s/many.yaml:6:", "aliases stand for", "split"),
    "anchors within anchors": Mistake("k8s/deep.yaml", deep_anchors(), "k8s/deep.yaml:1:", "nested deeper", "split"),
    "an image without a way to run": setting(
        f"    run: {sys.executable} service.py\n", "", 2, 3, "image `app` has neither `run` nor `attach`", "add `run"
    ),
    "an unknown key in turnout.yaml": setting("context", "contxt", 3, 5, "unknown key `contxt`", "mean `context`?"),
    "a folder that does not exist": setting(": app", ": ap", 3, 5, "context `ap` does not exist", "relative to"),
}  # fmt: skip

each_mistake = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())


def make(site: Site, mistake: Mistake) -> None:
    path = site.folder / mistake.file
    if mistake.text is None:
        path.symlink_to(site.folder / "nowhere")
    elif isinstance(mistake.text, bytes):
        path.write_bytes(mistake.text)
    else:
        site.write(mistake.file, mistake.text)


def right(site: Site) -> None:
    """Everything as it should be."""
    site.write("k8s/route.yaml", ROUTE)
    site.write("k8s/gateway.yaml", document(gateway()))
    site.write("turnout.yaml", SETTINGS)
    for name in ("same", "link", "many", "deep", "more"):
        (site.folder / "k8s" / f"{name}.yaml").unlink(missing_ok=True)


@each_mistake
def test_up_starts_nothing_when_it_finds(site: Site, mistake: Mistake) -> None:
    right(site)
    make(site, mistake)
    began = time.monotonic()
    up = site.start()
    most_bytes = until_ended(up)
    assert up.ended() == 1
    assert time.monotonic() - began < MOST_SECONDS
    assert most_bytes < MOST_BYTES
    assert up.err.startswith("error: nothing was started, because of what the files say:\n")
    assert up.out in ("", "stopped\n")
    line = next(line for line in up.err.splitlines() if mistake.where in line)
    assert line.startswith(mistake.where)
    assert ": error: " in line
    assert mistake.message in line
    assert mistake.hint in up.err
    assert "Traceback" not in up.err
    assert not (site.state / "kubeconfig").exists()
    site.assert_nothing_runs()
    assert site.run("status").status == 1


def until_ended(up: Up) -> int:
    """The most memory that it was seen to have."""
    most, process = 0, psutil.Process(up.pid)
    while up.process.poll() is None:
        try:
            most = max(most, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.01)
    return most


# --- while it runs


@pytest.fixture
def running(one_site: Site) -> Iterator[Site]:
    """A site that runs, and is as it should be before each test."""
    yield one_site
    solved(one_site)


@pytest.fixture(scope="module")
def one_site() -> Iterator[Site]:
    """A site that runs."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        right(site)
        site.up()
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def live(site: Site) -> dict[str, Any]:
    """Every object's spec."""
    with site.client() as client:
        objects = [item for kind in KINDS for item in client.list(kind)["items"]]
    return {f"{item['kind']}/{item['metadata']['name']}": item.get("spec", item.get("data")) for item in objects}


@each_mistake
def test_nothing_changes_while_a_file_has(running: Site, mistake: Mistake) -> None:
    before, pids = live(running), running.pids()
    began = time.monotonic()
    running.apply("more.yaml", service("more"))  # right by itself, but of the same save
    make(running, mistake)
    (found,) = running.until_status("it is shown", lambda status: about(status, mistake))
    assert time.monotonic() - began < MOST_SECONDS
    assert found["severity"] == "error"
    assert mistake.message in found["message"]
    assert mistake.hint in (found["hint"] or "")
    answer = running.get()
    assert (answer.status, answer.version) == (200, "v1")
    assert {name: live(running)[name] for name in before} == before
    assert running.pids() == pids
    memory = running.status()["memory"]["control"]
    assert memory < MOST_BYTES
    shown = running.run("status")
    assert shown.status == 1
    assert f"{found['where']}: error: " in shown.out
    right(running)
    running.until_status("all is well again", lambda status: not status["problems"] and live(running) == before)
    assert running.run("status").status == 0


def about(status: dict[str, Any], mistake: Mistake) -> list[dict[str, Any]]:
    return [problem for problem in status["problems"] if (problem["where"] or "").startswith(mistake.where)]


# --- what is right in itself, but leads nowhere: shown, and the rest serves


def only(site: Site, code: str) -> dict[str, Any]:
    """The one problem, once there is one."""

    def found(status: dict[str, Any]) -> dict[str, Any] | None:
        return next((problem for problem in status["problems"] if problem["code"] == code), None)

    problem = site.until_status(f"{code} is shown", found)
    assert [other["code"] for other in site.status()["problems"]] == [code]
    return problem


def solved(site: Site) -> None:
    right(site)
    site.until_status("it is solved", lambda status: not status["problems"] and status["up_to_date"])


def test_a_subset_that_no_rule_has_is_shown_and_answers_503(running: Site) -> None:
    running.write("k8s/route.yaml", ROUTE.replace("subset: v1", "subset: v3"))
    problem = only(running, "IST0101")
    assert problem["where"] == "k8s/route.yaml:10:36"
    assert problem["message"] == 'Referenced host+subset in destinationrule not found: "app+v3"'
    assert problem["hint"] == "known subsets: v1, v2 (until then such requests get 503, flag NC)"
    until("it is served so", lambda: running.get().status == 503)
    hop = running.until_status(
        "the flag is counted", lambda s: next((h for h in s["hops"] if "NC" in h["flags"]), None)
    )
    assert set(hop["codes"]) == {"503"}
    solved(running)
    assert running.get().status == 200


def test_up_starts_with_a_subset_that_no_rule_has(site: Site) -> None:
    """The rule may come later."""
    rule = (site.folder / "k8s" / "rule.yaml").read_text()
    right(site)
    site.write("k8s/rule.yaml", "# later\n")
    site.up()
    assert {problem["where"] for problem in site.status()["problems"]} == {
        "k8s/route.yaml:10:36", "k8s/route.yaml:12:36"
    }  # fmt: skip
    assert site.get().status == 503
    site.write("k8s/rule.yaml", rule)
    site.until_status("it is solved", lambda status: not status["problems"])
    until("it is served", lambda: site.get().status == 200)


def test_a_service_that_selects_nothing_is_shown(running: Site) -> None:
    running.apply("more.yaml", service("more"))
    problem = only(running, "TNO303")
    assert problem["where"] == "k8s/more.yaml:9:5"
    assert "Service more selects nothing: no Deployment's pods are labelled app=more" in problem["message"]
    assert problem["severity"] == "warning"
    assert running.run("status").status == 0


def test_an_image_that_nothing_says_how_to_run_is_shown_and_the_rest_runs(running: Site) -> None:
    text = document(deployment("v9", app="other", image="nobody:latest"))
    running.write("k8s/more.yaml", text)
    problem = only(running, "TNO251")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "nobody" in line)
    assert problem["where"] == f"k8s/more.yaml:{line}:13"
    assert problem["message"] == "nothing says how to run the image 'nobody:latest'"
    assert "add to turnout.yaml: images: {nobody: " in problem["hint"]
    assert running.get().status == 200


def test_a_command_that_is_not_found_is_shown_and_what_ran_goes_on(running: Site) -> None:
    pods = {pod["name"] for pod in running.pods()}
    running.write("turnout.yaml", SETTINGS.replace(sys.executable, "nosuchprogram"))
    found = running.until_status("both say so", lambda status: len(status["problems"]) == 2 and status["problems"])
    for problem, workload in zip(found, ("app-v1", "app-v2"), strict=True):
        assert (problem["code"], problem["where"]) == ("TNO254", "turnout.yaml:4:5")
        assert problem["message"].startswith(f"{workload} does not run: `nosuchprogram` was not found")
        assert "next start" not in problem["message"]
        assert problem["hint"] == f"see `turnout logs {workload}`"
    assert running.get().status == 200
    assert running.run("status").status == 1
    solved(running)
    running.until_status(
        "what ran still runs", lambda _: {pod["name"] for pod in running.pods() if pod["ready"]} == pods
    )


def test_a_build_that_fails_is_shown_when_up_starts(site: Site) -> None:
    site.write("turnout.yaml", settings(build="echo no compiler >&2; exit 4"))
    outcome = site.run(*site.up_arguments("-d"))
    assert "app-v1 does not run: build failed" in outcome.out
    problem = site.status()["problems"][0]
    assert problem["where"] == "turnout.yaml:5:7"
    assert "no compiler" in problem["message"]
    assert site.run("status").status == 1


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
from pathlib import Path

from turnout.cli import main
from turnout.compiler.config import CLUSTER, Config
from turnout.control import desired

sound, fault = desired.compile, Path("fault")


def compile(*arguments):
    wanted = fault.read_text() if fault.exists() else ""
    if wanted == "raise":
        raise RuntimeError("out of order")
    config = sound(*arguments)
    if wanted == "nonsense":
        for cluster in config.resources[CLUSTER].values():
            cluster.message.connect_timeout.seconds = -1
    return Config.of(*([r.message for r in group.values()] for group in config.resources.values()))


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
    site.until_status("it serves", lambda status: status["serving"] and site.get().status == 200)
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


# --- commands

USAGE = {
    "": "Usage:",
    "nonsense": "No such command 'nonsense'",
    "up --nonsense": "No such option",
    "up --gateway-port 80": "'80' is not PORT=LISTEN, such as 80=9080",
    "up --gateway-port 80=99999": "'80=99999' is not PORT=LISTEN",
    "up --gateway-port a=b": "'a=b' is not PORT=LISTEN",
    "up --concurrency 0": "0 is not in the range",
    "up --api-port 70000": "70000 is not in the range",
    "up --state turnout.yaml": "is a file",
    "status --state turnout.yaml": "is a file",
    "shift": "Missing argument 'SERVICE'",
    "shift app": "Missing argument 'SUBSET=WEIGHT...'",
    "shift app v1": "'v1' is not SUBSET=WEIGHT, such as green=1",
    "shift app v1=x": "'v1=x' is not SUBSET=WEIGHT",
    "shift app v1=nan": "'v1=nan' is not SUBSET=WEIGHT",
    "mirror app": "give either --to SUBSET or --off",
    "mirror app --to v2 --off": "give either --to SUBSET or --off",
    "mirror app --to v2 --percent x": "not a valid float",
    "mirror app --to v2 --methods G/T": "'G/T' is no HTTP method",
    "load": "Missing argument 'URL'",
    "load ftp://app.test/": "only http:// and https:// are supported",
    "load http://": "names no host",
    "load -n 0 http://app.test/": "0 is not in the range",
    "load -t soon http://app.test/": "'soon' is no duration",
    "load --rate -1 http://app.test/": "-1.0 is not in the range",
    "load -H nonsense http://app.test/": "is no header",
    "load -d @missing http://app.test/": "cannot read missing",
    "logs --lines -1": "-1 is not in the range",
    "logs --lines x": "'x' is not a valid integer",
    "init": "Missing argument",
}
"""Wrong usage, and what is said about it."""

NOTHING_RUNS = [
    "status",
    "undo",
    "logs",
    "logs app-v1",
    "shift app v1=1",
    "mirror app --to v2",
    "mirror app --off",
    "down",
]

REFUSED = {
    "up": ("turnout up already runs for ", "turnout status"),
    "shift app v3=1": (
        "no route splits app.default.svc.cluster.local between v3",
        "subsets that share a route: v1, v2",
    ),
    "shift nobody v1=1": ("no route splits nobody.default.svc.cluster.local", "`turnout init`"),
    "shift app v1=1 --route none": ("no route named none splits", "routes: main"),
    "shift app v1=1 -n elsewhere": ("no route splits app.elsewhere.svc.cluster.local", "`turnout init`"),
    "shift app v1=-5": ("v1=-5 is not a percentage", "from 0 to 100"),
    "shift app v1=101": ("v1=101 is not a percentage", "from 0 to 100"),
    "shift app v1=0.0001": ("finer than 0.001 %", "three decimals"),
    "shift app v1=60 v2=60": ("weights total 120, more than 100", "what is not named"),
    "shift app v1=60 v2=30": ("weights total 90, not 100", "name fewer subsets"),
    "mirror app --to v3": ("app.default.svc.cluster.local has no subset v3", "subsets: v1, v2"),
    "mirror nobody --to v1": ("nobody.default.svc.cluster.local has no subset v1", "a DestinationRule names them"),
    "mirror nobody --off": ("no route serves nobody.default.svc.cluster.local", "`turnout init`"),
    "mirror app --to v2 --percent 200": ("200.0 is not a percentage", "from 0 to 100"),
    "undo": ("there is nothing to undo", "`turnout shift`"),
    "logs nobody": ("no workload is called nobody", "known: app-v1, app-v2, envoy, turnout"),
    "logs ../state.db": ("no workload is called ../state.db", "known: app-v1"),
    "load -n 1 http://nowhere.invalid/": ("no address found for 'nowhere.invalid'", "--connect"),
}
"""Right usage that cannot be followed: the error, and what its hint contains."""


def typed(site: Site, arguments: str) -> Outcome:
    """As in a process of its own, but in no time."""
    out, err = io.StringIO(), io.StringIO()
    argv = mock.patch.object(sys, "argv", ["turnout", *arguments.split()])
    with contextlib.chdir(site.folder), argv, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Outcome(status, out.getvalue(), err.getvalue())


def test_wrong_usage_is_status_2_with_a_hint(tmp_path: Path) -> None:
    site = plain(tmp_path)
    site.write("turnout.yaml", SETTINGS)
    for arguments, said in USAGE.items():
        outcome = typed(site, arguments)
        assert outcome.status == 2, (arguments, outcome)
        assert said in outcome.err, (arguments, outcome)
        assert outcome.out == "", (arguments, outcome)
        assert "Traceback" not in outcome.err
        if arguments:
            assert "--help' for help." in outcome.err, (arguments, outcome)
    assert not site.state.exists()


def plain(folder: Path) -> Site:
    """An empty folder."""
    (folder / "tmp").mkdir()
    return Site(folder)


def test_where_nothing_runs_commands_say_so_with_status_1(tmp_path: Path) -> None:
    site = plain(tmp_path)
    for arguments in NOTHING_RUNS:
        outcome = typed(site, arguments)
        assert outcome.status == 1, (arguments, outcome)
        assert outcome.err.startswith("error: nothing"), (arguments, outcome)
        assert "hint: start it with `turnout up`" in outcome.err, (arguments, outcome)
    assert site.run("load", "-n", "1", f"http://127.0.0.1:{free_port()}/").status == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "tmp"], "asking leaves nothing behind"


def test_what_cannot_be_done_is_status_1_with_a_hint_and_changes_nothing(running: Site) -> None:
    before = live(running)
    for arguments, (said, hint) in REFUSED.items():
        outcome = running.run("up") if arguments == "up" else typed(running, arguments)
        assert outcome.status == 1, (arguments, outcome)
        error, hinted = outcome.err.splitlines()[-2:]
        assert error.startswith("error: "), (arguments, outcome)
        assert said in error, (arguments, outcome)
        assert hinted.startswith("hint: "), (arguments, outcome)
        assert hint in hinted, (arguments, outcome)
    assert live(running) == before
    assert running.get().status == 200


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, a device, a folder without manifests, one that cannot be read."""
    site = plain(tmp_path)
    (tmp_path / "empty").mkdir()
    cases = {
        "missing.yaml": ("missing.yaml:1:1: error: cannot read it: No such file or directory", "check the path"),
        "/dev/null": ("/dev/null:1:1: error: the file is empty", ""),
        "/dev/zero": ("/dev/zero:1:1: error: the file is larger than 16 MiB", "name the folder"),
    }
    if os.geteuid() != 0:
        site.write("secret.yaml", ROUTE).chmod(0)
        cases["secret.yaml"] = ("secret.yaml:1:1: error: cannot read it: Permission denied", "")
    for path, (said, hint) in cases.items():
        outcome = site.run("up", path)
        assert outcome.status == 1, (path, outcome)
        assert said in outcome.err, (path, outcome)
        assert hint in outcome.err, (path, outcome)
        assert "Traceback" not in outcome.err
    site.assert_nothing_runs()


def test_a_folder_without_manifests_is_warned_about_and_waited_in(site: Site) -> None:
    """The first file may be written when it runs; more likely it is the wrong folder."""
    manifests = {path: path.read_text() for path in (site.folder / "k8s").iterdir()}
    for path in manifests:
        path.unlink()
    up = site.start()
    (problem,) = site.until_status("it runs", lambda status: status["serving"] and status["problems"])
    assert (problem["where"], problem["severity"]) == ("k8s:1:1", "warning")
    assert "no *.yaml or *.yml in this folder" in problem["message"]
    assert "`turnout init`" in problem["hint"]
    for path, text in manifests.items():
        path.write_text(text)
    until("it serves", lambda: site.get().status == 200)
    assert site.run("down").status == 0
    assert up.ended() == 0
