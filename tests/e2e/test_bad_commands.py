"""Commands that are typed wrong, or cannot be followed: an exit status, an error, a hint, and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from unittest import mock

import pytest
from tests.e2e.mistakes import ROUTE, SETTINGS, live
from tests.e2e.site import Outcome, Site, until
from tests.ports import free_port

from turnout.cli import main

pytestmark = [pytest.mark.e2e]

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
        "versions that share a route: v1, v2",
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
