"""Comparisons as the view has them, made from real answers."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.delivery.comparison.answers import answer, exchange
from tests.delivery.comparison.traffic import add, judged

from turnout.delivery.comparison import report
from turnout.delivery.comparison.exchange import Exchange
from turnout.delivery.comparison.expectation import Accepted, Expectations
from turnout.delivery.comparison.judgement import judge
from turnout.delivery.comparison.tally import Tally
from turnout.delivery.comparison.verdict import Judgement, Standard

JSON = dict[str, Any]
HOSTILE = "<script>alert('x')</script>"


def stable(random: Random) -> Exchange:
    body = {"number": random.randint(0, 9), "version": "v1", "user": {"name": "x"}, "note": HOSTILE}
    return answer(body, duration_ms=10.0)


def candidate(random: Random) -> Exchange:
    body: JSON = {"number": random.randint(0, 9), "version": "v2", "note": "plain"}
    return answer(body | ({"user": {"name": "x"}} if random.random() < 0.9 else {}), duration_ms=10.0)


def regression() -> Judgement:
    """A field is missing in one of ten, another one differs always; `$.number` is noise, `$.version` accepted."""
    expectations = Expectations((Accepted("$.version", why="new"), Accepted("$.gone")))
    return judged(stable, candidate, 400, baseline=200, expectations=expectations)


def nothing_yet() -> Judgement:
    tally = Tally()
    add(tally, answer({}), exchange(status=504, local_reply="UT"))
    tally.unpaired("main", "candidate", "copy not seen", 7)
    return judge(tally, Expectations(), Standard())


def view(judgement: Judgement | None = None, **more: Any) -> JSON:
    """One that has ended after 42 seconds."""
    plain = report.plain(judgement) if judgement else None
    line = {
        "report": plain,
        "verdict": plain["verdict"] if plain else "unsure",
        "settled": plain["settled"] if plain else False,
        "pairs": {"candidate": 400, "baseline": 200} if plain else {"candidate": 0, "baseline": 0},
        "unpaired": 0,
        "dropped": 0,
        "captured": 1200,
        "problem": None,
    }
    return {
        "running": False,
        "id": "3",
        "service": "reviews.default.svc.cluster.local",
        "namespace": "default",
        "from": "blue",
        "to": "green",
        "route": None,
        "by": "compare",
        "sample": "1/16",
        "methods": ["GET", "HEAD"],
        "baseline_percent": 25.0,
        "expectations": None,
        "started": 1000.0,
        "ends": 1300.0,
        "ended": 1042.0,
        "why": "it was stopped",
        "until_sure": False,
        "report": line,
        **more,
    }
