"""A comparison from the tap's batches to the line that is reported."""

from __future__ import annotations

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.capture.answers import CANDIDATE, HOST, JSON, STABLE, batch, copied, raw

from turnout.capture.child import NOTHING_YET
from turnout.capture.comparison import Comparison
from turnout.capture.config import ComparerConfig
from turnout.capture.pairing import COPY_SECONDS
from turnout.delivery.comparison import record

CONFIG = ComparerConfig("/admin.sock", HOST, STABLE, CANDIDATE, redaction_key="0badcafe")
TYPED = {"content-type": "application/json"}


def answers(count: int, stable: Any, candidate: Any, *, first: int = 0) -> bytes:
    """As many requests, each with both copies."""
    found: list[JSON] = []
    for number in range(first, first + count):
        common: JSON = {"key": f"k{number}", "response": TYPED}
        body = json.dumps(stable).encode()
        found.append(raw(body=body, **common))
        found.append(copied("v2", body=json.dumps(candidate).encode(), **common))
        found.append(copied("v1", body=body, **common))
    return batch(*found)


def reported(line: JSON) -> dict[tuple[str, str], str]:
    fields = [field for route in line["report"]["routes"] for field in route["fields"]]
    return {(f["path"], f["kind"]): f["class"] for f in fields if f["class"] in ("regression", "difference")}


def test_a_changed_field_is_found() -> None:
    comparison = Comparison(CONFIG)
    comparison.take(answers(50, {"version": "v1", "n": 1}, {"version": "v2", "n": 1}), 0.0)
    comparison.look(0.0)
    line = comparison.line()
    assert line["verdict"] == "difference"
    assert reported(line) == {("$.version", "value"): "difference"}
    assert line["pairs"] == {"candidate": 50, "baseline": 50}
    assert (line["captured"], line["unpaired"], line["problem"]) == (150, 0, None)


def test_every_line_has_the_same_fields_from_the_first_on() -> None:
    assert Comparison(CONFIG).line().keys() == NOTHING_YET.keys()
    assert Comparison(CONFIG).line() == NOTHING_YET


def test_nothing_is_never_the_same() -> None:
    comparison = Comparison(CONFIG)
    comparison.look(0.0, final=True)
    assert comparison.line()["verdict"] == "unsure"
    assert not comparison.line()["settled"]


def test_copies_that_never_came_are_counted_and_prove_nothing() -> None:
    comparison = Comparison(CONFIG)
    comparison.take(batch(*(raw(f"k{number}") for number in range(500))), 0.0)
    comparison.look(COPY_SECONDS, final=True)
    line = comparison.line()
    assert (line["verdict"], line["unpaired"], line["pairs"]["candidate"]) == ("unsure", 500, 0)
    (route,) = line["report"]["routes"]
    assert route["lacks"] == [{"side": "candidate", "reason": "copy not seen", "count": 500}]


def test_a_report_stays_as_it_is_until_there_are_twice_as_many_pairs() -> None:
    comparison = Comparison(CONFIG)
    comparison.take(answers(20, 1, 2), 0.0)
    comparison.look(0.0)
    first = comparison.line()["report"]
    comparison.take(answers(10, 1, 2, first=20), 1.0)
    comparison.look(1.0)
    assert comparison.line()["report"] is not None
    assert comparison.line()["report"] == first
    assert comparison.line()["pairs"]["candidate"] == 30
    comparison.take(answers(10, 1, 2, first=30), 2.0)
    comparison.look(2.0)
    assert comparison.line()["report"] != first


def test_who_stops_when_it_is_sure_gets_what_was_sure() -> None:
    """One more look would ask for more, and find itself less sure."""
    comparison = Comparison(CONFIG)
    comparison.take(answers(300, 1, 1), 0.0)
    comparison.look(0.0)
    sure = comparison.line()
    assert sure["settled"]
    comparison.take(answers(10, 1, 1, first=300), 1.0)
    comparison.look(1.0, final=True)
    assert comparison.line()["report"] == sure["report"]


def test_the_end_is_looked_at_when_it_brought_something() -> None:
    comparison = Comparison(CONFIG)
    for first, count in ((0, 20), (20, 10)):
        comparison.take(answers(count, 1, 2, first=first), 0.0)
        comparison.look(0.0, final=first > 0)
    (route,) = comparison.line()["report"]["routes"]
    assert route["pairs"] == 30


def test_what_was_accepted_meanwhile_is_honoured_at_once(tmp_path: Path) -> None:
    file = tmp_path / "expectations.yaml"
    comparison = Comparison(replace(CONFIG, expectations=str(file)))
    comparison.take(answers(50, {"a": 1}, {"a": 2}), 0.0)
    comparison.look(0.0)
    assert comparison.line()["verdict"] == "difference"
    file.write_text("accept:\n  - path: $.a\n")
    comparison.look(1.0)
    assert reported(comparison.line()) == {}


def test_a_mistake_in_the_expectations_is_told_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "expectations.yaml"
    file.write_text("accept:\n  - path: $.a\n")
    comparison = Comparison(replace(CONFIG, expectations=str(file)))
    comparison.take(answers(50, {"a": 1}, {"a": 2}), 0.0)
    comparison.look(0.0)
    assert reported(comparison.line()) == {}
    for wrong in ("accept:\n  - path: '$.['\n", "accept: [\n", "accept:\n  - way: $.a\n"):
        file.write_text(wrong)
        os.utime(file, ns=(len(wrong), len(wrong)))
        comparison.look(1.0)
        assert str(file) in comparison.line()["problem"]
        assert reported(comparison.line()) == {}
    file.unlink()
    comparison.look(2.0)
    assert comparison.line()["problem"] is None
    assert reported(comparison.line())


def test_another_process_goes_on_and_counts_nothing_twice() -> None:
    first = Comparison(CONFIG)
    first.take(answers(40, {"a": 1}, {"a": 2}), 0.0)
    first.look(0.0)
    kept = json.loads(json.dumps(first.record()))
    second = Comparison(CONFIG, record.restored(kept))
    second.look(0.0)
    assert reported(second.line()) == reported(first.line())
    second.take(answers(10, {"a": 1}, {"a": 2}, first=40), 1.0)
    assert second.line()["pairs"] == {"candidate": 50, "baseline": 50}


def test_secrets_reach_neither_the_report_nor_the_record() -> None:
    config = replace(CONFIG, secret_headers=("X-Tenant",), secret_fields=("nickname",))
    comparison = Comparison(config)
    for number in range(40):
        said: JSON = {"key": f"k{number}", "response": TYPED | {"set-cookie": "sid=kook; Path=/", "vary": "x"}}
        comparison.take(
            batch(
                raw(body=b'{"nickname": "zorro", "token": "aaaa"}', **said),
                copied(body=b'{"nickname": "batman", "token": "bbbb"}', **said),
            ),
            0.0,
        )
    comparison.look(0.0, final=True)
    told = json.dumps([comparison.line(), comparison.record()])
    assert "$.nickname" in told
    for secret in ("zorro", "batman", "aaaa", "bbbb", "kook"):
        assert secret not in told


@pytest.mark.parametrize("batch_", [b"An attached /tap admin stream already exists.", answers(1, 1, 1)[:-50]])
def test_a_batch_that_cannot_be_read_is_counted_as_dropped(batch_: bytes) -> None:
    comparison = Comparison(CONFIG)
    comparison.take(batch_, 0.0)
    assert comparison.line()["dropped"] == 1
    assert comparison.line()["pairs"]["baseline"] == 0


def test_huge_answers_without_partners_take_a_bounded_room() -> None:
    comparison = Comparison(CONFIG)
    huge = b"." * 60_000
    tracemalloc.start()
    for number in range(20):
        comparison.take(batch(*(raw(f"k{number}-{each}", body=huge, truncated=True) for each in range(70))), 0.0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 110 << 20
