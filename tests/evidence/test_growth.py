from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.error import EvidenceFailed
from turnout.evidence.growth import Ask, grown, now

Samples = Sequence[tuple[float, float]]


def prometheus(**series: Samples) -> Ask:
    """One that has these samples, and forgets none."""

    def ask(promql: str, at: float | None = None) -> Mapping[str, Any]:
        assert at is not None
        if promql.startswith("last_over_time("):
            last = {name: [s for s in samples if s[0] <= at] for name, samples in series.items()}
            return {"result": [{"metric": {"of": k}, "value": [at, str(v[-1][1])]} for k, v in last.items() if v]}
        seconds = int(promql.rpartition("[")[2].removesuffix("ms]")) / 1000
        inside = {name: [s for s in samples if at - seconds < s[0] <= at] for name, samples in series.items()}
        named = {"__name__": "x"}
        return {
            "result": [
                {"metric": {**named, "of": k}, "values": [[t, str(n)] for t, n in v]} for k, v in inside.items() if v
            ]
        }

    return ask


def growth(ask: Ask, since: float, until: float) -> dict[str, int]:
    return {each.labels["of"]: each.by for each in grown(ask, "x", since, until)}


def test_a_counter_grows_by_what_came_after_the_last_sample_before() -> None:
    assert growth(prometheus(a=[(0, 5), (10, 7), (20, 12)]), 12, 25) == {"a": 5}
    assert growth(prometheus(a=[(0, 5), (10, 7), (20, 12)]), 10, 20) == {"a": 5}, "a sample belongs to what it ends"


def test_a_restart_in_between_brings_what_it_counted_since() -> None:
    assert growth(prometheus(a=[(0, 100), (10, 110), (20, 3), (30, 8)]), 5, 30) == {"a": 18}


def test_a_series_that_was_not_there_before_began_at_zero() -> None:
    ask = prometheus(known=[(0, 5), (10, 7)], first_error=[(10, 2)])
    assert growth(ask, 5, 10) == {"known": 2, "first_error": 2}


def test_of_a_prometheus_that_knew_nothing_before_nothing_is_known() -> None:
    assert growth(prometheus(a=[(10, 70_000), (20, 70_010)]), 5, 20) == {}
    assert growth(prometheus(a=[(10, 70_000), (20, 70_010)]), 10, 20) == {"a": 10}


def test_a_pod_that_goes_takes_nothing_along() -> None:
    ask = prometheus(stays=[(0, 5), (10, 7)], goes=[(0, 1000), (5, 1003)])
    assert growth(ask, 2, 10) == {"stays": 2, "goes": 3}


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=3, max_size=30),
    st.lists(st.integers(1, 30), max_size=6),
)
def test_whenever_it_is_looked_at_all_is_counted_once(steps: list[tuple[int, bool]], looks: list[int]) -> None:
    """Samples each second, some of a process that has just begun again; looks at any moments."""
    value, true, samples = 1.0, 0.0, [(0.0, 1.0)]
    for at, (more, restarts) in enumerate(steps, start=1):
        value = more if restarts and more < value else value + more
        true += more
        samples.append((float(at), float(value)))
    moments = sorted({0.0, *(float(min(look, len(steps))) for look in looks), float(len(steps))})
    ask = prometheus(a=samples)
    assert sum(growth(ask, since, until).get("a", 0) for since, until in pairwise(moments)) == true


@pytest.mark.parametrize("data", [{}, {"result": 3}, {"result": [{"metric": {}, "value": ["x", "1"]}]}])
def test_what_is_no_prometheus_is_said_to_be_none(data: Mapping[str, Any]) -> None:
    with pytest.raises(EvidenceFailed):
        grown(lambda promql, at: data, "x", 1.0, 2.0)
    with pytest.raises(EvidenceFailed):
        now(lambda promql, at: data)
