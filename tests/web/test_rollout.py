"""Rollouts as the view has them, in the words of the page; and the orders that it gives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver import kubeconfig
from turnout.client import Client
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import ROLLOUT
from turnout.rollout.order import ANNOTATION
from turnout.web.figure import duration, points
from turnout.web.pages.rollouts import rows
from turnout.web.rollout import order as orders
from turnout.web.rollout import split
from turnout.web.rollout.events import details
from turnout.web.rollout.interval import Look, judged_steps, of_guard, picture, thinned
from turnout.web.rollout.orders import possible_orders, question, taken_words
from turnout.web.rollout.story import ending, foremost, news, ordered, stations, title, took, why
from turnout.web.rollout.verdict import evidence, told
from turnout.web.table import Cell

NOW = 1_000_100.0
STEPS = [
    {"name": "compare", "kind": "compare", "percent": 6.25},
    {"name": "weight 5 %", "kind": "weight", "percent": 5.0},
    {"name": "pause", "kind": "pause", "percent": 100.0},
    {"name": "weight 100 %", "kind": "weight", "percent": 100.0},
]
SPEC: dict[str, Any] = {
    "service": "reviews.default.svc.cluster.local",
    "from": "v1",
    "to": "v2",
    "steps": [{"compare": {}}, {"weight": 5, "minTime": "40s"}, {"pause": {"duration": "10m"}}],
}
BLAST = {"touched": 0.226, "bound": True, "mean": 5.0, "weights": [[5.0, 0.226], [100.0, 1.0]]}


def verdict(guard: str = "errors", kind: str = "open", **more: Any) -> dict[str, Any]:
    return {
        "guard": guard,
        "kind": kind,
        "candidate": {"bad": 3, "total": 100},
        "stable": {"bad": 2, "total": 2000},
        "increase": 0.029,
        "low": -0.001,
        "high": 0.08,
        "tolerance": 0.01,
        "requests": 300,
        "seconds": 200.0,
        "words": f"{guard}: need about 300 more requests",
        **more,
    }


def rollout(name: str = "reviews-v2", **status: Any) -> dict[str, Any]:
    given = {
        "phase": "running",
        "step": 1,
        "steps": STEPS,
        "startedAt": NOW - 100,
        "enteredAt": NOW - 60,
        "countedSeconds": 10.0,
        "blast": BLAST,
        **status,
    }
    return {"namespace": "default", "name": name, "spec": SPEC, "status": given}


# --- where it stands


def test_steps_are_done_present_or_to_come() -> None:
    assert [station.state for station in stations(rollout(), NOW)] == ["done", "current", "ahead", "ahead"]
    ended = stations(rollout(phase="aborted"), NOW)
    assert [(station.state, station.words) for station in ended[1:3]] == [
        ("stopped", "ended here"),
        ("never", "not reached"),
    ]
    assert {station.state for station in stations(rollout(phase="finished", step=3), NOW)} == {"done"}


def test_a_step_is_as_far_as_what_it_waits_for_longest() -> None:
    present = stations(rollout(verdicts=[verdict(), verdict("slow", "fine")]), NOW)[1]
    assert (present.words, present.part) == ("10 of 40 s, 1 of 2 guards fine", 0.25)
    late = stations(rollout(countedSeconds=90.0, verdicts=[verdict(requests=100)]), NOW)[1]
    assert (late.words, late.part) == ("1 min 30 s counted, 0 of 1 guards fine", 0.5)


def test_a_step_whose_guard_cannot_say_how_much_it_needs_never_looks_finished() -> None:
    part = stations(rollout(countedSeconds=90.0, verdicts=[verdict(requests=None)]), NOW)[1].part
    assert part is not None
    assert part < 1


def test_a_pause_says_how_long_it_lasts() -> None:
    assert stations(rollout(), NOW)[2].note == "for 10m"
    present = stations(rollout(step=2), NOW)[2]
    assert present.words == "9 min left"
    assert present.part == pytest.approx(0.1)


def test_each_step_says_whom_it_touches() -> None:
    notes = [station.note for station in stations(rollout(), NOW)]
    assert notes[:2] == ["copies only: no user sees an answer", "touches at most 22.6 % of user requests"]
    assert notes[3] == ""


def test_a_rollout_that_the_engine_has_not_seen_says_so() -> None:
    new = {**rollout(), "status": {}}
    assert why(new) == "The engine has not looked at it yet."
    assert stations(new, NOW) == []
    assert [cell.text if isinstance(cell, Cell) else cell for cell in next(rows([new], NOW))][2:] == ["waiting", *"---"]


def test_what_guards_say_is_not_said_again_above_them() -> None:
    waiting = verdict()
    assert why(rollout(why=waiting["words"], verdicts=[waiting])) == (
        "Waits until errors can be told: about 3 min more at this rate"
    )
    assert why(rollout(why="no traffic", verdicts=[waiting])) == "No traffic"
    endless = verdict(seconds=None)
    assert why(rollout(why=endless["words"], verdicts=[endless])) == "Errors: need about 300 more requests"


def test_the_one_under_way_comes_first_and_then_the_last() -> None:
    old, new = rollout("old", phase="finished", startedAt=1.0), rollout("new", phase="aborted", startedAt=2.0)
    live = rollout("live", phase="paused", startedAt=0.5)
    assert [each["name"] for each in ordered([old, live, new])] == ["live", "new", "old"]
    assert foremost([old, new]) is new
    assert foremost([old, live, new]) is live
    assert foremost([]) is None


def test_an_ended_one_tells_how_long_it_took_and_how_fast_it_went_back() -> None:
    change = {"at": NOW - 40, "seconds": 0.0142, "lastCandidateAnswerSeconds": 0.031}
    ended = rollout(phase="aborted", finishedAt=NOW - 40, lastChange=change)
    assert took(ended, NOW) == "1 min"
    assert ending(ended) == (
        "All requests were back at v1 14.2 ms after the look that told; v2 answered for the last time after 31.0 ms."
    )
    assert ending(rollout(lastChange=change)) == ""
    before = rollout(phase="aborted", finishedAt=NOW, lastChange=change)
    assert ending(before) == "", "the change before it says nothing of going back"
    hanging = rollout(phase="aborted", lastChange={**change, "lastCandidateAnswerSeconds": None, "underWay": 2})
    assert ending(hanging).endswith("v2 still had 2 requests to answer.")
    assert title(ended) == "reviews v1 → v2"


def test_only_steps_and_phases_are_news() -> None:
    assert news(rollout(verdicts=[verdict()])) == news(rollout(countedSeconds=11.0)) == "running, step 2 of 4"
    assert news(rollout(phase="aborted")) == "aborted"


# --- the split


def test_what_is_asked_for_stands_beside_what_is_seen() -> None:
    routing = {"stable": 95, "candidate": 5, "mirrorPercent": 0.0, "users": "", "compare": False}
    said = dict(split.rows(rollout(routing=routing, split="48 of 1,000 requests: between 3 and 7.5 %")))
    assert said["Asked for"] == "5 % to v2"
    assert said["Seen"].startswith("48 of 1,000")
    assert said["User requests touched"] == "at most 22.6 %"
    copies = {"stable": 100, "candidate": 0, "mirrorPercent": 6.25, "users": "", "compare": True}
    assert dict(split.rows(rollout(routing=copies)))["Asked for"] == "6.25 % copied to v2 and compared"
    nothing = dict(split.rows(rollout(blast=None)))
    assert nothing["User requests touched"] == "-"
    assert nothing["Who met which version"] == "not counted: chance decides for each request"


def test_users_of_a_sticky_rollout_are_told_by_the_version_that_they_met() -> None:
    users = {"seen": 3, "stable": 2, "candidate": 1, "both": 0, "back": 0, "sampled": 1, "withoutKey": 0, "untold": 0}
    said = dict(split.rows(rollout(users=users)))
    assert said["Who met which version"] == "3 users seen: 2 met v1, 1 met v2, 0 both"


# --- guards


def test_a_guard_says_how_sure_it_is_in_words() -> None:
    said = told(verdict(kind="worse", words="errors: worse, 3 of 100 (3 %) failed"))
    assert (said.called, said.tone, said.words) == ("worse", "bad", "3 of 100 (3 %) failed")
    assert said.bounds == "increase +2.9 points, between -0.1 and +8; tolerated +1"
    assert told(verdict(increase=None)).bounds == ""


def test_a_decision_shows_the_counts_it_was_made_on() -> None:
    assert evidence(verdict(kind="fine")) == (
        "errors",
        "fine",
        "3 of 100 (3 %)",
        "2 of 2 000 (0.1 %)",
        "+2.9 (-0.1 to +8)",
        "+1",
    )
    compared = evidence(verdict("regressions", increase=None))
    assert compared[2:5] == ("100 pairs", "2 000 pairs", "-")


def look(at: float, low: float, high: float, step: int = 1, guard: str = "errors") -> dict[str, Any]:
    told = {"guard": guard, "kind": "open", "increase": (low + high) / 2, "low": low, "high": high}
    return {"at": at, "step": step, "verdicts": [told]}


def test_the_interval_is_drawn_as_it_shrinks_within_this_step() -> None:
    looks = [look(1, -1, 1, step=0), look(2, -0.02, 0.04), look(3, -0.01, 0.02), look(4, 0, 0, guard="slow")]
    drawn = picture(of_guard(looks, "errors", [1]), 0.01)
    assert drawn.reach == 0.04
    assert drawn.band.count("L") == 3
    assert drawn.high is not None
    assert drawn.low is not None
    assert 0 < drawn.high < drawn.tolerance < 50 < drawn.low
    assert picture([], 0.01).band == ""


def test_looks_before_there_was_traffic_show_nothing() -> None:
    nothing = look(1, 0, 0)
    nothing["verdicts"][0].update(increase=None)
    assert of_guard([nothing], "errors", [1]) == []


def test_a_pause_shows_the_looks_of_the_step_before_it() -> None:
    assert list(judged_steps(STEPS, 2)) == [1, 2]
    assert list(judged_steps(STEPS, 1)) == [1]
    assert list(judged_steps([], 0)) == [0]


def test_of_many_looks_the_same_ones_are_drawn_while_others_come() -> None:
    looks = [Look(float(at), 0.0, -1.0, 1.0) for at in range(600)]
    kept = thinned(looks)
    assert len(kept) <= 100
    assert kept[-1] is looks[-1]
    assert thinned(looks[:595])[:-1] == kept[: len(thinned(looks[:595])) - 1]


# --- orders


def test_only_orders_that_would_do_something_are_offered() -> None:
    assert possible_orders(rollout()) == ["promote", "pause", "abort"]
    assert possible_orders(rollout(step=2)) == ["promote", "resume", "pause", "abort"]
    assert possible_orders(rollout(phase="paused")) == ["promote", "resume", "abort"]
    assert possible_orders(rollout(phase="halted")) == ["abort"]
    assert possible_orders(rollout(phase="finished")) == possible_orders({**rollout(), "status": {}}) == []


def test_a_question_says_what_will_happen() -> None:
    asked = question("promote", rollout(verdicts=[verdict(), verdict("slow", "fine")]))
    assert asked.endswith("Not shown to be fine yet: errors.")
    assert "v1" in question("abort", rollout())
    assert taken_words("pause", 0.42) == ("Pause: the engine took the order after 420 ms.", "good")
    assert taken_words("pause", None)[1] == "bad"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "state.db", {})
    served.start()
    kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
    with Client.from_state(tmp_path) as client:
        client.create(ROLLOUT, {"apiVersion": "turnout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "r"}})
    yield served
    served.stop()


def engine(state: Path) -> str:
    """Takes the first order that comes."""
    with Client.from_state(state) as client:
        for _, seen in client.watch(ROLLOUT, "default"):
            given = seen["metadata"].get("annotations", {}).get(ANNOTATION)
            if given:
                client.patch(ROLLOUT, "default", "r", {"metadata": {"annotations": {ANNOTATION: None}}})
                return str(given)
    raise AssertionError("no order came")


def test_an_order_is_an_annotation_that_the_engine_takes_away(served: Served, tmp_path: Path) -> None:
    taken: list[str] = []
    thread = threading.Thread(target=lambda: taken.append(engine(tmp_path)))
    thread.start()
    with Client.from_state(tmp_path) as client:
        seconds = orders.give(client, "default", "r", "pause")
    thread.join(10)
    assert seconds is not None
    assert taken[0].startswith("pause ")


def test_an_order_that_the_engine_refuses_is_an_error(served: Served, tmp_path: Path) -> None:
    def refuse() -> None:
        with Client.from_state(tmp_path) as client:
            for _, seen in client.watch(ROLLOUT, "default"):
                given = seen["metadata"].get("annotations", {}).get(ANNOTATION)
                if given:
                    order = {"id": given.split()[1], "refused": "cannot resume: the rollout is aborted"}
                    client.patch_status(ROLLOUT, "default", "r", {"status": {"order": order}})
                    client.patch(ROLLOUT, "default", "r", {"metadata": {"annotations": {ANNOTATION: None}}})
                    return

    thread = threading.Thread(target=refuse)
    thread.start()
    with Client.from_state(tmp_path) as client, pytest.raises(TurnoutError, match="the rollout is aborted"):
        orders.give(client, "default", "r", "resume")
    thread.join(10)


def test_an_order_that_nobody_takes_is_said_to_be_waiting(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "TAKEN_SECONDS", 1)
    with Client.from_state(tmp_path) as client:
        assert orders.give(client, "default", "r", "abort") is None


def test_an_order_to_a_rollout_that_is_gone_is_an_error(served: Served, tmp_path: Path) -> None:
    with Client.from_state(tmp_path) as client:
        with pytest.raises(ApiError):
            orders.give(client, "default", "other", "abort")

        def delete() -> None:
            with Client.from_state(tmp_path) as other:
                for _, seen in other.watch(ROLLOUT, "default"):
                    if ANNOTATION in seen["metadata"].get("annotations", {}):
                        other.delete(ROLLOUT, "default", "r")
                        return

        thread = threading.Thread(target=delete)
        thread.start()
        with pytest.raises(TurnoutError, match="deleted"):
            orders.give(client, "default", "r", "abort")
        thread.join(10)


# --- figures


def test_durations_and_points_are_short() -> None:
    assert [duration(s) for s in (0.4, 59.4, 59.6, 185, 3600, 7440)] == [
        "0 s",
        "59 s",
        "1 min",
        "3 min 5 s",
        "1 h",
        "2 h 4 min",
    ]
    assert [points(p) for p in (0, 0.00001, 0.0023, -0.015, 0.26)] == ["0", "0", "+0.23", "-1.5", "+26"]


def test_details_of_an_event_are_lines() -> None:
    assert details({"by": "kubectl", "nothing": None}) == ["by: kubectl"]
    change = {"at": 1e9, "seconds": 0.0567, "servedSeconds": 0.05, "acknowledged": True}
    assert details(change) == ["took: 56.7 ms", "served: 50.0 ms", "acknowledged: yes"]
    assert details("text") == ["text"]
    assert details(None) == []
