"""`turnout compare` on the command line, against an API that answers as Turnout's does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.apiserver.samples import TOKEN, Served
from tests.cli.comparisons import nothing_yet, regression, view
from tests.delivery.comparison.answers import answer
from tests.delivery.comparison.traffic import judged

import turnout
from turnout.apiserver import kubeconfig
from turnout.apiserver.store import Store
from turnout.apiserver.view import ViewRequest
from turnout.cli import compare, root
from turnout.client import Client
from turnout.delivery.comparison.verdict import Judgement
from turnout.error import ApiError, NotRunning
from turnout.resources.kinds import VIRTUAL_SERVICE

JSON = dict[str, Any]
SOURCES = Path(turnout.__file__).parents[1]
ACCEPTED = """\
accept:
  - path: "$.version"
    kinds: ["value"]
    why: "v2 says that it is v2"
"""


class Comparing:
    """The views of a Turnout; a comparison that was begun runs for some looks."""

    def __init__(self) -> None:
        self.posted: list[JSON] = []
        self.after: JSON = view(regression())
        self.running: JSON | None = None
        self.looks = 1
        self.refusal: ApiError | None = None

    async def comparison(self, request: ViewRequest) -> Any:
        if request.method == "POST":
            return self._post(request.body)
        if request.rest == "99":
            raise ApiError(404, "NotFound", "there is no comparison 99")
        self.looks -= self.running is not None
        if self.looks < 0:
            self.running = None
        return self.running or self.after

    def _post(self, body: JSON) -> JSON:
        self.posted.append(body)
        if self.refusal:
            raise self.refusal
        if body["do"] == "stop":
            self.running = None
            return self.after | {"why": "it was stopped"}
        self.running = self.after | {"running": True, "ended": None, "why": ""}
        return self.running


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".turnout").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "LOOK_SECONDS", 0.001)
    return tmp_path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Comparing]]:
    """One server for all: to stop one takes longer than a test."""
    comparing = Comparing()
    views = {"comparison": comparing.comparison, "comparison/": comparing.comparison}
    server = Served(tmp_path_factory.mktemp("served") / "state.db", views)
    server.start()
    server.do(routes)
    yield server, comparing
    server.stop()


@pytest.fixture
def turnout_(project: Path, served: tuple[Served, Comparing]) -> Comparing:
    server, comparing = served
    kubeconfig.write(project / ".turnout" / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
    comparing.__init__()  # type: ignore[misc] # as new
    return comparing


def routes(store: Store) -> None:
    choices = [
        {"destination": {"host": "reviews", "subset": name}, "weight": w} for name, w in (("v1", 90), ("v2", 10))
    ]
    spec = {"http": [{"name": "main", "route": choices}]}
    store.create(VIRTUAL_SERVICE, {"metadata": {"name": "reviews", "namespace": "default"}, "spec": spec})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["compare", *arguments], prog_name="turnout")


def same() -> Judgement:
    return judged(lambda _: answer({"a": 1}), lambda _: answer({"a": 1}), 2000, baseline=1000)


def different() -> Judgement:
    return judged(lambda _: answer({"a": 1}), lambda _: answer({"a": 2}), 400, baseline=200)


@pytest.mark.parametrize(
    ("judgement", "status", "said"),
    [
        (same, 0, "same: no difference found"),
        (regression, 1, "regression: green breaks something"),
        (different, 3, "difference: green answers differently"),
        (nothing_yet, 4, "unsure: "),
    ],
)
def test_the_exit_status_says_what_came_out(
    turnout_: Comparing, judgement: Callable[[], Judgement], status: int, said: str
) -> None:
    turnout_.after = view(judgement())
    for arguments in (("reviews", "--to", "v2"), ("report",)):
        done = run(*arguments)
        assert done.exit_code == status, done.output
        assert done.stdout.startswith(said)


def test_what_is_asked_for_is_a_safe_default(turnout_: Comparing, project: Path) -> None:
    run("reviews", "--to", "v2")
    assert turnout_.posted == [
        {
            "do": "start",
            "service": "reviews",
            "namespace": "default",
            "from": "v1",
            "to": "v2",
            "route": None,
            "sample": None,
            "methods": ["GET", "HEAD"],
            "baseline_percent": 25.0,
            "seconds": 300.0,
            "until_sure": False,
            "expectations": str(project / "expectations.yaml"),
        }
    ]


def test_options_may_come_first_and_start_may_be_said(turnout_: Comparing) -> None:
    for arguments in (("--to", "v2", "reviews"), ("start", "reviews", "--to", "v2")):
        run(*arguments, "--for", "10s", "--sample", "1/16", "--until-sure", "--baseline", "50", "--route", "main")
        asked = turnout_.posted.pop()
        assert (asked["seconds"], asked["until_sure"], asked["sample"]) == (10.0, True, "1/16")
        assert (asked["baseline_percent"], asked["route"]) == (50.0, "main")


def test_until_sure_ends_after_an_hour_at_the_latest(turnout_: Comparing) -> None:
    run("reviews", "--to", "v2", "--until-sure")
    assert turnout_.posted[0]["seconds"] == 3600


def test_methods_that_can_change_data_are_warned_of(turnout_: Comparing) -> None:
    assert "warning" not in run("reviews", "--to", "v2", "--methods", "get,options").stderr
    said = run("reviews", "--to", "v2", "--methods", "GET,POST,DELETE").stderr
    assert "warning: POST, DELETE: copies of these can change data a second time" in said


def test_without_a_stable_version_to_be_seen_it_asks_for_one(turnout_: Comparing) -> None:
    done = run("other", "--to", "v2")
    assert isinstance(done.exception, turnout.error.TurnoutError)
    assert done.exception.hint == "name it with --from"
    assert turnout_.posted == []


def test_a_refusal_is_passed_on(turnout_: Comparing) -> None:
    turnout_.refusal = ApiError(409, "Conflict", "comparison 2 runs")
    done = run("reviews", "--to", "v2")
    assert isinstance(done.exception, ApiError)
    assert done.exception.message == "comparison 2 runs"


@pytest.mark.parametrize(
    "arguments",
    [
        ("reviews",),
        ("reviews", "--to", "v2", "--for", "soon"),
        ("reviews", "--to", "v2", "--baseline", "0"),
        ("reviews", "--to", "v2", "--methods", "GET IT"),
        ("accept",),
        ("accept", "$.a", "--kind", "ugly"),
        ("accept", "$.["),
        ("stop", "now"),
    ],
)
def test_wrong_usage_is_exit_status_2(project: Path, turnout_: Comparing, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert turnout_.posted == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_the_comparison_and_prints_what_is_known(
    turnout_: Comparing, project: Path, number: signal.Signals
) -> None:
    turnout_.looks = 10**9
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-m", "turnout", "compare", "reviews", "--to", "v2"]
    child = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        while turnout_.running is None or turnout_.looks > 10**9 - 2:
            assert child.poll() is None
        child.send_signal(number)
        out, _ = child.communicate(timeout=20)
    finally:
        child.kill()
    assert turnout_.posted[-1] == {"do": "stop", "id": "3"}
    assert out.startswith("regression: ")
    assert child.returncode == 1


def test_when_turnout_is_gone_meanwhile_it_says_how_to_go_on(
    turnout_: Comparing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Client, name: str, **query: str) -> Any:
        raise NotRunning("nothing is running")

    monkeypatch.setattr(Client, "view", gone)
    error = run("reviews", "--to", "v2").exception
    assert isinstance(error, NotRunning)
    assert "goes on with the next `turnout up`" in (error.hint or "")


def test_json_is_the_view(turnout_: Comparing) -> None:
    assert json.loads(run("report", "--json").stdout) == turnout_.after


def test_the_page_is_written_beside_what_is_printed(turnout_: Comparing, project: Path) -> None:
    done = run("report", "3", "--html", "report.html")
    assert (project / "report.html").read_text().startswith("<!doctype html>")
    assert done.stdout.startswith("regression: ")
    assert "wrote report.html" in done.stderr


def test_a_report_that_is_not_there_is_an_error(turnout_: Comparing) -> None:
    assert isinstance(run("report", "99").exception, ApiError)
    turnout_.after = {"running": False, "id": None}
    done = run("report")
    assert isinstance(done.exception, turnout.error.TurnoutError)
    assert done.exception.message == "nothing was compared yet"


def test_stop_ends_what_runs_but_not_a_rollouts(turnout_: Comparing) -> None:
    assert isinstance(run("stop").exception, turnout.error.TurnoutError)
    turnout_.after = view(regression(), running=True, by="rollout default/reviews")
    assert isinstance(run("stop").exception, turnout.error.TurnoutError)
    assert turnout_.posted == []
    turnout_.after = view(regression(), running=True)
    assert "stopped comparison 3" in run("stop").stdout
    assert turnout_.posted == [{"do": "stop", "id": "3"}]


# --- what may differ


def test_what_is_accepted_is_written_beside_turnout_yaml(turnout_: Comparing, project: Path) -> None:
    (project / "turnout.yaml").write_text("images: {}\n")
    done = run("accept", "$.version", "--kind", "value", "--why", "v2 says that it is v2")
    assert done.exit_code == 0, done.output
    assert (project / "expectations.yaml").read_text().endswith(ACCEPTED)
    assert "warning" not in done.stderr


def test_what_is_accepted_later_comes_to_what_was_before(turnout_: Comparing, project: Path) -> None:
    (project / "mine.yaml").write_text(ACCEPTED)
    done = run("accept", "$.user", "$.version", "--kind", "missing", "--expectations", "mine.yaml")
    assert done.exit_code == 0, done.output
    text = (project / "mine.yaml").read_text()
    assert text.index('path: "$.user"') < text.index('path: "$.version"')
    assert 'kinds: ["missing", "value"]' in text
    assert 'why: "v2 says that it is v2"' in text


def test_a_path_that_the_last_report_does_not_have_is_warned_of_and_written(turnout_: Comparing, project: Path) -> None:
    done = run("accept", "$.elsewhere", "$.user", "$.user.name", "status")
    assert done.stderr.splitlines() == [
        "warning: $.elsewhere is not in the last report",
        "warning: $.user.name is not in the last report",
        "warning: status is not in the last report",
    ]
    assert "$.elsewhere" in (project / "expectations.yaml").read_text()


def test_nothing_need_run_to_accept_something(project: Path) -> None:
    assert run("accept", "status").exit_code == 0
    assert 'path: "status"' in (project / "expectations.yaml").read_text()


def test_comments_that_are_lost_are_told_of(project: Path) -> None:
    (project / "expectations.yaml").write_text(f"# Ask Ada before you change this.\n{ACCEPTED}")
    assert "warning: comments in" in run("accept", "status").stderr
    assert "warning" not in run("accept", "body").stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accept:\n  - path: $.a\n    kind: value\n", "expectations.yaml:3:5: error: accept[0].kind:"),
        ("accept:\n  - path: $.a\n    kinds: [ugly]\n", "expectations.yaml:3:13: error:"),
        ("accept:\n  - path: '['\n", "expectations.yaml:2:5: error: accept[0].path:"),
        ("accept:\n\t- path: a\n", "expectations.yaml:2:"),
        ("- path: a\n", "expectations.yaml:1:1: error:"),
        ("accept: []\n---\naccept: []\n", "expectations.yaml:3:1: error:"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_place(
    turnout_: Comparing, project: Path, text: str, said: str
) -> None:
    (project / "expectations.yaml").write_text(text)
    for arguments in (("reviews", "--to", "v2"), ("accept", "status")):
        error = run(*arguments).exception
        assert isinstance(error, turnout.error.TurnoutError)
        assert said in error.message
    assert turnout_.posted == []
    assert (project / "expectations.yaml").read_text() == text


def test_a_file_that_was_named_has_to_be_there(turnout_: Comparing) -> None:
    error = run("reviews", "--to", "v2", "--expectations", "nowhere.yaml").exception
    assert isinstance(error, turnout.error.TurnoutError)
    assert "nowhere.yaml" in error.message


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "accept: []\n"])
def test_a_file_may_say_nothing(turnout_: Comparing, project: Path, text: str) -> None:
    (project / "expectations.yaml").write_text(text)
    assert run("reviews", "--to", "v2").exit_code == 1
    assert len(turnout_.posted) == 1


def test_the_help_shows_the_options_of_comparing_and_the_other_commands() -> None:
    said = run("--help").output
    assert "Usage: turnout compare SERVICE --to SUBSET" in said
    for word in ("--until-sure", "--baseline", "accept", "report", "stop"):
        assert word in said
