"""A judgement as JSON."""

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


def test_what_was_not_compared_is_in_it() -> None:
    tally = Tally()
    add(tally, answer({}), exchange(status=504, local_reply="UT"))
    tally.unpaired(ROUTE, "candidate", "the copy was dropped", 7)
    data = report.plain(judge(tally, Expectations(), Standard()))
    (route,) = data["routes"]
    assert data["verdict"] == "unsure"
    assert {"side": "candidate", "reason": "the copy was dropped", "count": 7} in route["lacks"]
    assert route["detectable_share"] is None


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
    for kept in (json.dumps(record.plain(tally)), json.dumps(report.plain(judgement))):
        assert "hunter" not in kept
        assert TOKEN[:20] not in kept
