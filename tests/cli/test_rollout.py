"""`turnout rollout` against a real API, and an engine that does at once what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.rollouts import NOW, STEPS, Api, rollout, running, service, status, verdict

from turnout.cli import root
from turnout.cli.rollout import follow, orders, start

START = ("start", "reviews", "--to", "v2")
FILE = """\
apiVersion: turnout.dev/v1alpha1
kind: Rollout
metadata: {name: reviews-v2}
spec:
  service: reviews
  from: v1
  to: v2
  steps:
  - weight: 5
"""


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.01)
    with running(tmp_path) as opened:
        yield opened


# --- start


def test_the_plan_is_shown_before_it_begins(api: Api) -> None:
    api.blast = {"fan_out": {"mean": 25.0, "distribution": None}, "calls": 2500, "user_requests": 100}
    done = api.run(*START, "--steps", "mirror,1,pause,50", "--dry-run")

    assert done.exit_code == 0, done.output
    head, _, mirror, one, pause, half, all_of_it, guards, users = done.output.splitlines()
    assert head == "reviews-v2: reviews.default.svc.cluster.local from v1 to v2"
    assert mirror.split("  ")[0] == "mirror 100 %"
    assert "none: copies" in mirror
    assert "at most 22.2 %" in one
    assert "requests," in one
    assert "until resumed" in pause
    assert "at most 100 %" in half
    assert all_of_it.startswith("weight 100 %")
    assert guards == "guards: errors (at most +1 points), slow (at most +5 points); confidence 95 %"
    assert users == "user requests: each makes 25 calls on average (from counters: an upper bound)"
    assert api.all() == {}


def test_weights_that_touch_too_many_users_are_shown_as_they_will_be(api: Api) -> None:
    api.blast = {"fan_out": {"mean": 10.0, "distribution": {"10": 7}}, "calls": 70, "user_requests": 7}
    done = api.run(*START, "--steps", "0.1,5,50", "--max-user-impact", "5%", "--dry-run")

    assert [line.partition(" %")[0] for line in done.output.splitlines() if line.startswith("weight ")] == [
        "weight 0.1",
        "weight 0.5",
        "weight 100",
    ]
    assert "weights are lowered" in done.output


def test_without_any_traffic_a_greatest_impact_cannot_be_kept(api: Api) -> None:
    done = api.run(*START, "--max-user-impact", "5")

    assert done.exit_code == 1
    assert "no user request came lately" in str(done.exception)
    assert api.all() == {}


def test_what_is_not_said_is_found_out_or_left_to_the_defaults(api: Api) -> None:
    done = api.run(*START, "--no-follow")

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "begun: turnout rollout status reviews-v2"
    assert api.all()["reviews-v2"]["spec"] == {
        "service": "reviews",
        "from": "v1",
        "to": "v2",
        "steps": [{"weight": weight} for weight in (1.0, 5.0, 25.0, 50.0, 100.0)],
    }


def test_everything_can_be_said(api: Api, tmp_path: Path) -> None:
    done = api.run(
        *START, "--no-follow", "--from", "v1", "--name", "mine", "--route", "main",
        "--steps", "compare,5,pause:1m,50", "--users", "header:X-Group=beta",
        "--guard", "errors:0.5:4xx+429", "--guard", "slow:p90:3", "--guard", "regressions:1",
        "--min-time", "30s", "--max-time", "2h", "--on-timeout", "abort", "--confidence", "99%",
        "--sticky", "cookie:session", "--expectations", str(tmp_path / "e.yaml"),
        "--hook-exec", "./notify.sh 'to me'", "--hook-webhook", "http://a.test/b", "--hook-secret", "key",
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    spec = api.all()["mine"]["spec"]
    assert [*spec["steps"][0], *spec["steps"][1], *spec["steps"][3]] == ["compare", "users", "pause"]
    assert spec["steps"][1]["users"] == {"headers": {"x-group": {"exact": "beta"}}}
    assert spec["guards"] == [
        {"errors": {"tolerance": 0.5, "codes": ["4xx", "429"]}},
        {"slow": {"quantile": 0.9, "tolerance": 3.0}, "name": "slow-p90"},
        {"regressions": {"tolerance": 1.0}},
    ]
    assert (spec["minTime"], spec["maxTime"], spec["onTimeout"], spec["confidence"]) == ("30s", "2h", "abort", 0.99)
    command, web = spec["hooks"]
    assert command["exec"] == [str(Path.cwd() / "notify.sh"), "to me"]
    assert web["webhook"] == {"url": "http://a.test/b", "secretFile": str(Path.cwd() / "key")}


def test_it_is_followed_until_it_has_taken_over(api: Api) -> None:
    api.ends = status("finished", step=2, why="all traffic is at the candidate")
    done = api.run(*START)

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1][9:] == "reviews-v2: finished: all traffic is at the candidate"


def test_one_that_goes_back_is_exit_status_1(api: Api) -> None:
    api.ends = status("aborted", why="errors: worse")
    done = api.run(*START)

    assert done.exit_code == 1
    assert done.output.splitlines()[-1].endswith("reviews-v2: aborted: errors: worse")


def test_one_that_goes_back_says_how_long_that_took_although_it_is_known_later(api: Api) -> None:
    api.ends = status("aborted", why="errors: worse", finishedAt=NOW)
    api.adds = {**api.ends, "lastChange": {"at": NOW, "seconds": 0.009, "lastCandidateAnswerSeconds": 0.031}}

    lines = api.run(*START).output.splitlines()

    assert lines[-2].endswith("reviews-v2: aborted: errors: worse")
    assert lines[-1].endswith("in force after 9 ms; the candidate's last answer came after 31 ms")


def test_one_that_cannot_begin_says_why_and_leaves_nothing_that_might_begin_later(api: Api) -> None:
    api.begins = {"phase": "refused", "why": "the route main has other destinations"}
    done = api.run(*START)

    assert done.exit_code == 1
    assert str(done.exception) == "reviews-v2 could not begin: the route main has other destinations"
    assert api.all() == {}


def test_an_engine_that_says_nothing_is_not_waited_for_without_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "BEGUN_SECONDS", 0.2)
    api.begins = None

    assert "has not begun within 0.2 s" in str(api.run(*START).exception)


def test_one_that_has_ended_is_replaced(api: Api) -> None:
    api.has(rollout(phase="aborted"))
    before = api.all()["reviews-v2"]["metadata"]["uid"]
    done = api.run(*START, "--no-follow")

    assert done.exit_code == 0, done.output
    assert api.all()["reviews-v2"]["metadata"]["uid"] != before


def test_one_at_a_time_moves_a_service(api: Api) -> None:
    api.has(rollout("another", phase="paused"))
    done = api.run(*START)

    assert done.exit_code == 1
    assert str(done.exception) == "another is under way for reviews"
    assert list(api.all()) == ["another"]


def test_a_name_that_another_service_s_rollout_has_is_refused(api: Api) -> None:
    api.has(rollout(service="ratings", phase="running"))

    assert str(api.run(*START).exception) == "reviews-v2 is under way for ratings"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("start", "review", "--to", "v2"), "no service review.default.svc.cluster.local"),
        (("start", "reviews", "--to", "v3"), "reviews.default.svc.cluster.local has no subset v3"),
        ((*START, "--from", "blue"), "reviews.default.svc.cluster.local has no subset blue"),
        ((*START, "--steps", "50,5"), "the rollout has 1 error, and is not started"),
        (("start", "nowhere.yaml"), "[Errno 2] No such file or directory: 'nowhere.yaml'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(api: Api, arguments: tuple[str, ...], message: str) -> None:
    done = api.run(*arguments)

    assert done.exit_code == 1
    assert str(done.exception) == message
    assert api.all() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("start",),
        ("start", "reviews"),
        ("start", "rollout.yaml", "--to", "v2"),
        ("start", "rollout.yaml", "--steps", "5"),
        (*START, "--steps", "five"),
        (*START, "--steps", "users,5"),
        (*START, "--steps", "pause:soon,5"),
        (*START, "--guard", "latency:5"),
        (*START, "--guard", "errors:much"),
        (*START, "--guard", "slow:pp:5"),
        (*START, "--users", "x-group=beta"),
        (*START, "--users", "header:a=b", "--users", "header:A=c"),
        (*START, "--min-time", "5"),
        (*START, "--confidence", "high"),
        (*START, "--max-user-impact", "few"),
        (*START, "--hook-exec", "'"),
        ("status", "--watch", "--json"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_status_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["rollout", *arguments, "--state", str(tmp_path)])

    assert done.exit_code == 2, done.output


def test_a_file_is_started_as_it_is(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(FILE)
    done = api.run("start", str(file), "--no-follow")

    assert done.exit_code == 0, done.output
    found = api.all()["reviews-v2"]
    assert found["spec"]["steps"] == [{"weight": 5}]
    assert "annotations" not in found["metadata"]  # `turnout up` does not take it for one of its files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.replace("weight", "wieght"), "rollout.yaml has 1 error"),
        (FILE + "---\n" + FILE.replace("reviews-v2", "other"), "holds Rollout, Rollout, not one Rollout"),
        ("", "rollout.yaml has 1 error"),
    ],
)
def test_a_file_with_a_mistake_starts_nothing(api: Api, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(text)
    done = api.run("start", str(file))

    assert done.exit_code == 1
    assert said in str(done.exception)
    assert api.all() == {}


# --- orders


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("pause", "running", "paused"),
        ("resume", "paused", "running"),
        ("promote", "running", "running"),
        ("abort", "paused", "aborted"),
    ],
)
def test_an_order_returns_when_it_is_carried_out(api: Api, verb: str, before: str, after: str) -> None:
    api.has(rollout(phase=before))
    api.takes = lambda said, now: {**now, "phase": after, "why": said, "lastChange": {"seconds": 0.005, "at": 1}}
    done = api.run(verb)

    assert done.exit_code == 0, done.output
    said, *moved = done.output.splitlines()
    assert said == f"reviews-v2: {after}, {verb}"
    assert moved == ([] if verb == "pause" else ["requests moved: in force after 5 ms"])


def test_an_abort_that_would_be_an_outage_says_that_it_halts(api: Api) -> None:
    api.has(rollout(phase="running"))
    api.takes = lambda said, now: {**now, "phase": "halted", "why": "stable has no healthy copy to go back to"}

    assert api.run("abort").output == "reviews-v2: halted, stable has no healthy copy to go back to\n"


def test_what_the_engine_refuses_is_an_error(api: Api) -> None:
    api.has(rollout(phase="running"))
    done = api.run("pause", "reviews-v2")

    assert done.exit_code == 1
    assert str(done.exception) == "reviews-v2: nobody is here"


@pytest.mark.parametrize(
    ("verb", "phase", "said"),
    [
        ("promote", "finished", "reviews-v2 is finished already"),
        ("abort", "aborted", "reviews-v2 is aborted already"),
        ("pause", "paused", "reviews-v2 is paused: there is nothing to pause"),
        ("resume", "halted", "reviews-v2 is halted: there is nothing to resume"),
    ],
)
def test_an_order_that_means_nothing_is_not_given(api: Api, verb: str, phase: str, said: str) -> None:
    api.has(rollout(phase=phase))
    done = api.run(verb, "reviews-v2")

    assert done.exit_code == 1
    assert str(done.exception) == said
    assert "annotations" not in api.all()["reviews-v2"]["metadata"]


def test_an_order_that_nobody_takes_is_not_waited_for_without_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "ORDER", "turnout.dev/other")
    monkeypatch.setattr(orders, "TAKEN_SECONDS", 0.1)
    api.has(rollout(phase="running"))

    assert str(api.run("abort").exception) == "the order to abort has not been carried out within 0.1 s"


def test_without_a_name_an_order_is_for_the_only_one_under_way(api: Api) -> None:
    assert str(api.run("abort").exception) == "no rollout is under way"
    api.has(rollout("a", phase="running"), rollout("b", service="other", phase="paused"))
    assert str(api.run("abort").exception) == "2 rollouts are under way"
    assert str(api.run("abort", "c").exception) == "no Rollout default/c"


# --- status and history


def test_status_shows_the_one_under_way_or_a_list(api: Api) -> None:
    assert api.run("status").output.startswith("no rollouts")
    api.has(rollout("old", phase="finished"), rollout("new", phase="running", why="no traffic"))
    assert api.run("status").output.startswith("new  reviews: v1 → v2  running")
    api.has(rollout("other", service="other", phase="paused"))
    assert [line.split()[0] for line in api.run("status").output.splitlines()[1:4]] == ["new", "other", "old"]


def test_status_as_json_leaves_out_what_only_the_engine_reads(api: Api) -> None:
    api.has(rollout(phase="running", engine={"secret": 1}))

    one = json.loads(api.run("status", "reviews-v2", "--json").output)
    assert (one["name"], one["status"]["phase"], one["status"]["steps"]) == ("reviews-v2", "running", STEPS)
    assert "engine" not in one["status"]
    assert json.loads(api.run("status", "--json").output) == [one]


def test_watching_ends_with_the_rollout_and_its_exit_status(api: Api) -> None:
    api.has(rollout(phase="aborted", why="errors: worse"))
    done = api.run("status", "reviews-v2", "--watch")

    assert done.exit_code == 1
    assert "reviews-v2: aborted: errors: worse" in done.output


def test_history_tells_each_decision_with_what_it_was_made_on(api: Api) -> None:
    words = "errors: fine, 1 of 210"
    api.rollouts = {
        "events": [
            {"at": 999_000.0, "what": "start", "text": "v0 → v1", "verdicts": []},
            {"at": 999_100.0, "what": "abort", "text": "errors: worse", "verdicts": []},
            {"at": 1_000_000.0, "what": "start", "text": "v1 → v2", "verdicts": []},
            {"at": 1_000_060.0, "what": "step", "text": "weight 50 %", "verdicts": [verdict(words=words)]},
            {"at": 1_000_060.0, "what": "verdict", "text": words, "verdicts": [verdict(words=words)]},
        ]
    }
    earlier, began, moved, evidence, told = api.run("history", "reviews-v2").output.splitlines()

    assert earlier == "2 events of earlier rollouts of this name: --json has them"
    assert began.split()[2:] == ["start", "v1", "→", "v2"]
    assert moved.split()[2:] == ["step", "weight", "50", "%"]
    assert evidence.strip() == words
    assert told.strip().endswith(f"verdict  {words}")
    assert json.loads(api.run("history", "reviews-v2", "--json").output) == api.rollouts
    assert str(api.run("history", "other").exception) == "no Rollout default/other"


def test_history_without_a_name_lists_all(api: Api) -> None:
    api.rollouts = [{"namespace": "default", "name": "a", "spec": rollout()["spec"], "status": status("finished")}]

    assert api.run("history").output.splitlines()[1].split()[:5] == ["a", "reviews", "v1", "→", "v2"]


def test_the_service_s_route_decides_which_version_serves_now(api: Api) -> None:
    api.sends(main={"v1": 100, "v2": 0}, other={"v3": 100, "v1": 0})
    versions = [*service()["versions"], {"subset": "v3", "rate": 1.0, "error_share": 0.0}]
    api.seen = {"services": [{**service(), "versions": versions}]}

    assert api.run(*START, "--route", "other", "--dry-run").output.startswith(
        "reviews-v2: reviews.default.svc.cluster.local from v3 to v2"
    )
