"""A judgement in words, and as JSON."""

from __future__ import annotations

import json
from random import Random

from tests.delivery.comparison.answers import ROUTE, answer, exchange
from tests.delivery.comparison.traffic import add, judged

from turnout.delivery.comparison import record, report
from turnout.delivery.comparison.exchange import Exchange
from turnout.delivery.comparison.expectation import Accepted, Expectations
from turnout.delivery.comparison.judgement import judge
from turnout.delivery.comparison.tally import Tally
from turnout.delivery.comparison.verdict import Judgement, Standard

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


def stable(random: Random) -> Exchange:
    return answer({"number": random.randint(0, 9), "version": "v1", "user": {"name": "x"}}, duration_ms=10.0)


def candidate(random: Random) -> Exchange:
    body: dict[str, object] = {"number": random.randint(0, 9), "version": "v2"}
    return answer(body | ({"user": {"name": "x"}} if random.random() < 0.9 else {}), duration_ms=10.0)


def judgement() -> Judgement:
    expectations = Expectations((Accepted("$.version", why="new"), Accepted("$.gone")))
    return judged(stable, candidate, 400, baseline=200, expectations=expectations)


def test_text_says_the_worst_first_with_an_example() -> None:
    lines = report.lines(judgement())
    assert lines[0] == "regression: the candidate breaks something"
    assert lines[2] == f"{ROUTE}: 400 pairs compared; stable with itself: 200"
    assert lines[3].startswith("  regression  $.user missing 10.2 % (7.6 to 13.6 %) of 400, stable itself 0 %")
    assert lines[4:7] == [
        "    GET /things?page=1",
        '      stable     {"name": "x"}',
        "      candidate  (nothing)",
    ]
    text = "\n".join(lines)
    assert "  noise:      $.number" in text
    assert "  accepted:   $.version" in text
    assert "expected, but not seen: $.gone" in text
    assert "p50 / p90 / p99 in ms" in text
    assert "of the answers or more would have been found" in text


def test_what_was_not_compared_is_said() -> None:
    tally = Tally()
    add(tally, answer({}), exchange(status=504, local_reply="UT"))
    tally.unpaired(ROUTE, "candidate", "the copy was dropped", 7)
    text = "\n".join(report.lines(judge(tally, Expectations(), Standard())))
    assert text.startswith("unsure: ")
    assert "not compared: 7 of 8 copies for candidate: the copy was dropped" in text
    assert "too few pairs" in text


def test_json_holds_all_of_it() -> None:
    data = json.loads(json.dumps(report.plain(judgement()), allow_nan=False))
    assert data["verdict"] == "regression"
    (route,) = data["routes"]
    fields = {(field["path"], field["kind"]): field for field in route["fields"]}
    missing = fields["$.user", "missing"]
    assert missing["class"] == "regression"
    assert missing["candidate"]["pairs"] == 400
    assert missing["candidate"]["low"] < missing["candidate"]["share"] < missing["candidate"]["high"]
    assert missing["p"] <= missing["adjusted_p"] < 0.01
    assert len(missing["examples"]) == 5
    assert missing["examples"][0]["request"] == "GET /things?page=1"
    assert fields["$.version", "value"]["accepted_by"] == {"path": "$.version", "why": "new"}
    assert route["latency_ms"]["candidate"]["p50"] > 9
    assert data["unused_expectations"] == [{"path": "$.gone", "route": "*"}]


def test_nothing_that_is_stored_or_reported_holds_a_secret() -> None:
    tally = Tally()
    for key in range(50):
        stable = answer(
            {"password": "hunter2", "note": f"token: {TOKEN}", "deep": {"api_key": ["hunter2"]}},
            key=str(key),
            path="/?api_key=hunter2",
            headers=(("set-cookie", "sid=hunter2; Path=/"), ("authorization", "hunter2")),
        )
        add(tally, stable, answer({"password": "hunter3", "other": TOKEN}, key=str(key)))
        add(tally, stable, exchange(f'{{"password": "hunter3", {TOKEN}', media="application/json", key=str(key)))
        add(tally, stable, exchange("password=hunter3", media="text/plain", key=str(key)), "baseline")
    judgement = judge(tally, Expectations(), Standard())
    for kept in (json.dumps(record.plain(tally)), json.dumps(report.plain(judgement)), *report.lines(judgement)):
        assert "hunter" not in kept
        assert TOKEN[:20] not in kept
