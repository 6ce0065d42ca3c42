"""A rollout in the terminal, and the lines of one that goes on."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from tests.cli.rollouts import NOW, printed, rollout, status, verdict

from turnout.cli.rollout.board import board, listed
from turnout.cli.rollout.follow import QUIET_SECONDS, News
from turnout.cli.rollout.words import moved, points, share, spoken
from turnout.rollout.user_words import users_words

JSON = dict[str, Any]


def shown(width: int = 200, **its_status: Any) -> list[str]:
    return printed(board(rollout(**its_status), NOW, width), width)


def test_a_rollout_that_has_not_begun_says_so() -> None:
    assert printed(board(rollout(), NOW, 80)) == ["reviews-v2  reviews: v1 → v2  not begun", "it has not begun yet"]


def test_the_head_says_where_it_stands() -> None:
    assert shown(phase="running")[0] == "reviews-v2  reviews: v1 → v2  running  step 1 of 3, for 3 min"
    ended = shown(phase="finished", step=2, finishedAt=NOW - 155)[0]
    assert ended == "reviews-v2  reviews: v1 → v2  finished  step 3 of 3, took 45 s"


@pytest.mark.parametrize(
    ("phase", "marks"),
    [
        ("running", ["✓", "▸", ""]),
        ("paused", ["✓", "‖", ""]),
        ("halted", ["✓", "✗", ""]),
        ("aborted", ["✓", "✗", ""]),
        ("finished", ["✓", "✓", "✓"]),
    ],
)
def test_steps_are_behind_or_ahead(phase: str, marks: list[str]) -> None:
    rows = shown(phase=phase, step=1)[1:4]

    assert [row[:1].strip() for row in rows] == marks
    assert [row[3:].partition(" %")[0] for row in rows] == ["weight 5", "weight 50", "weight 100"]


def test_the_step_says_what_is_seen_and_whom_it_touches() -> None:
    blast = {"touched": 0.2216, "bound": True, "mean": 25.0, "weights": [[5, 0.2216], [50, 0.99], [100, 1.0]]}
    first, second, last = shown(phase="running", split="48 of 1,000", countedSeconds=30.0, blast=blast)[1:4]

    assert first.partition("%")[2].strip() == "seen: 48 of 1,000; 30 s count; touches at most 22.2 % of user requests"
    assert second.endswith("touches at most 99 % of user requests")
    assert last.endswith("touches 100 % of user requests")


def test_each_guard_has_its_counts_its_interval_and_what_it_needs() -> None:
    head, errors, slow = shown(
        phase="running",
        verdicts=[verdict(), verdict("slow", "fine", increase=0.0083, low=-0.001, high=0.05, tolerance=0.05)],
    )[4:7]

    assert head.split() == ["GUARD", "VERDICT", "CANDIDATE", "STABLE", "INCREASE", "BETWEEN", "TOLERATED", "NEEDS"]
    cells = [cell.strip() for cell in errors.split("  ") if cell.strip()]
    assert cells[:6] == ["errors", "open", "1 of 210", "20 of 4,000", "-0.02", "-1 … +2"]
    assert cells[7:] == ["+1", "~300 more in 40 s"]
    assert "+0.83" in slow
    assert slow.endswith("+5")


def test_the_interval_is_drawn_with_the_tolerance_where_there_is_room() -> None:
    def drawn(increase: float, low: float, high: float) -> str:
        row = shown(phase="running", verdicts=[verdict(increase=increase, low=low, high=high)])[5]
        return next(cell for cell in row.split() if "●" in cell)

    wide, narrow = drawn(0.0, -1.0, 1.0), drawn(-0.005, -0.007, -0.001)
    assert (len(wide), wide.index("!")) == (24, 18)
    assert "·" not in wide
    assert (narrow.index("●"), narrow.count("·")) == (9, 17)


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_terminal_gets_everything_but_the_drawing(width: int) -> None:
    lines = shown(width, phase="running", verdicts=[verdict()])

    assert not any("…" in line and "-1 … +2" not in line for line in lines)
    assert any("~300 more in 40 s" in line for line in lines)


def test_without_traffic_a_guard_says_that_it_needs_some() -> None:
    nothing = {"bad": 0, "total": 0}
    row = shown(phase="running", verdicts=[verdict(increase=None, requests=None, candidate=nothing)])[5]

    assert row.split()[-1] == "traffic"


def test_the_reason_is_told_unless_the_guards_say_it() -> None:
    open_one = verdict(words="errors: need more")

    assert "why: no traffic" in shown(phase="running", why="no traffic", verdicts=[open_one])
    assert not any("why" in line for line in shown(phase="running", why="errors: need more", verdicts=[open_one]))


def test_a_sticky_one_says_who_met_which_version() -> None:
    users = {"seen": 1041, "stable": 620, "candidate": 424, "both": 3, "back": 0, "sampled": 1}
    users |= {"withoutKey": 12, "untold": 0}
    said = "1,041 users seen: 620 met v1, 424 met v2, 3 both; none went back; 12 requests had no header x-user"
    sticky = rollout(phase="running", users=users)
    sticky["spec"]["sticky"] = "header:x-user"
    assert said in printed(board(sticky, NOW, 200), 200)
    assert said in News().lines({**sticky, "status": status("finished", users=users)}, NOW)
    assert not any("users seen" in line for line in shown(phase="running", users=None))


def test_a_part_of_the_users_is_not_told_of_as_if_it_were_all() -> None:
    users = {"seen": 200_000, "stable": 2, "candidate": 2, "both": 2, "back": 2, "sampled": 4}
    said = users_words({"users": users | {"withoutKey": 0, "untold": 9}}, {"sticky": "request", "from": "a", "to": "b"})
    assert said.startswith("about 200,000 user requests seen: ")
    assert said.endswith("2 went back; counted by 1 in 4; 9 requests were lost, whose user requests may be missing")


def test_a_paused_one_says_how_to_go_on() -> None:
    assert shown(phase="paused", why="paused by order")[-1] == (
        "`turnout rollout resume reviews-v2`, `promote` or `abort`"
    )


def test_the_list_has_a_row_for_each() -> None:
    _, first, second, *_ = printed(listed([rollout("a", phase="paused", why="time is up"), rollout("b")], NOW))

    assert " ".join(first.split()) == "a reviews v1 → v2 paused step 1 of 3 3 min ago time is up"
    assert second.split() == ["b", "reviews", "v1", "→", "v2", "not", "begun", "-", "-"]


# --- line by line


class Followed:
    """Looks, one second after the other."""

    def __init__(self) -> None:
        self._news = News()
        self._seconds = count()

    def look(self, its_status: JSON | None, seconds: int = 1) -> list[str]:
        obj = {**rollout(), **({"status": its_status} if its_status else {})}
        for _ in range(seconds):
            said = list(self._news.lines(obj, NOW + next(self._seconds)))
        return said


def test_only_changes_are_told() -> None:
    followed = Followed()

    assert followed.look(None) == ["waiting for the engine to begin"]
    assert followed.look(status(blast={"touched": 0.05, "bound": True})) == [
        "step 1 of 3: weight 5 %, which touches at most 5 % of user requests"
    ]
    assert followed.look(status(split="1 of 20", why="one", blast={"touched": 0.06, "bound": False})) == []


def test_a_verdict_is_told_once_in_each_step_before_what_follows_from_it() -> None:
    followed, fine = Followed(), verdict(kind="fine", words="errors: fine")
    followed.look(status(verdicts=[verdict()]))

    assert followed.look(status(verdicts=[fine])) == ["verdict: errors: fine"]
    assert followed.look(status(verdicts=[{**fine, "words": "errors: fine, still"}])) == []
    assert followed.look(status(step=1, verdicts=[fine])) == ["step 2 of 3: weight 50 %"]
    assert followed.look(status(step=1, verdicts=[fine])) == [], "that of the step before is still there"
    assert followed.look(status(step=1, verdicts=[verdict()])) == []
    assert followed.look(status(step=1, verdicts=[fine])) == ["verdict: errors: fine"]


def test_the_end_is_told_with_its_reason_and_how_long_it_took() -> None:
    followed = Followed()
    followed.look(status())
    changed = {"seconds": 0.0124, "lastCandidateAnswerSeconds": 0.031}

    assert followed.look(status("aborted", why="errors: worse", lastChange=changed)) == [
        "requests moved: in force after 12 ms; the candidate's last answer came after 31 ms",
        "aborted: errors: worse",
    ]


def test_a_long_wait_says_now_and_then_what_it_waits_for() -> None:
    followed = Followed()
    followed.look(status(why="no traffic"))

    assert followed.look(status(why="no traffic"), int(QUIET_SECONDS) - 1) == []
    assert followed.look(status(why="no traffic")) == ["running: no traffic"]
    assert followed.look(status(why="no traffic")) == []


def test_numbers_have_the_digits_that_mean_something() -> None:
    assert [spoken(seconds) for seconds in (0.4, 89, 90, 3600, 7200)] == ["0 s", "89 s", "2 min", "60 min", "2.0 h"]
    assert [share(value) for value in (0.00123, 0.0833, 0.2216, 1)] == ["0.12 %", "8.3 %", "22.2 %", "100 %"]
    assert [points(value) for value in (0, 0.00831, -0.12, 0.5, -1e-9)] == ["0", "+0.83", "-12", "+50", "0"]
    assert moved({"seconds": 1.5}) == "requests moved: in force after 1500 ms"
    hanging = moved({"seconds": 1.5, "lastCandidateAnswerSeconds": 6.5, "underWay": 2})
    assert hanging.endswith("1500 ms; the candidate still had 2 requests to answer")
