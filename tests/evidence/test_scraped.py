from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.controller.mesh import Mesh, mesh
from tests.rollout.service_site import VERSIONS

from turnout.delivery.evidence import Counts, Stream
from turnout.delivery.guard import Guard
from turnout.error import EvidenceFailed
from turnout.evidence.question import Asked, Query, Question
from turnout.evidence.scraped import Scraped
from turnout.resources.kinds import DESTINATION_RULE

Series = dict[tuple[str, ...], float]
"""Values of labels, in the order of LABELS → a count."""
LABELS = ("destination_canonical_revision", "response_code", "le")
ERRORS = Guard("errors", "errors", 0.01)
SLOW = Guard("slow", "slow", 0.05, 0.9)


class Counted:
    """A Prometheus whose counters are set by the test: as they were, and as they are."""

    def __init__(self, before: Series, after: Series) -> None:
        self.before = before
        self.after = after
        self.asked: list[str] = []

    def __call__(self, promql: str, at: float | None = None) -> Mapping[str, Any]:
        self.asked.append(promql)
        if promql == "time()":
            return {"resultType": "scalar", "result": [100.0, "100"]}
        if at is None:
            return {"resultType": "vector", "result": [{"metric": {}, "value": [100.0, "7"]}]}
        counters = self.before if promql.startswith("last_over_time(") else self.after
        field = "value" if promql.startswith("last_over_time(") else "values"
        return {"result": [_series(key, n, field) for key, n in counters.items() if _is_asked(key, promql)]}


def _series(key: tuple[str, ...], count: float, field: str) -> dict[str, Any]:
    labels = {name: value for name, value in zip(LABELS, key, strict=False) if value}
    return {"metric": labels, field: [97.0, str(count)] if field == "value" else [[97.5, str(count)]]}


def _is_asked(key: tuple[str, ...], promql: str) -> bool:
    """Buckets where those are asked for, by their bounds."""
    bounds = re.search(r'le=~"([^"]+)"', promql)
    histogram = "_bucket" in promql
    if histogram != (len(key) == 3):
        return False
    return bounds is None or re.fullmatch(bounds[1].replace("\\\\", "\\"), key[2]) is not None


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Mesh]:
    with mesh(tmp_path) as found:
        yield found


def question(*asked: Asked, copies: bool = False, step: str = "0", **more: Any) -> Question:
    return Question(VERSIONS, copies, asked, step, **more)


REQUESTS: tuple[Series, Series] = (
    {("v1", "200"): 1000, ("v2", "200"): 10, ("v9", "200"): 5},
    {("v1", "200"): 1090, ("v1", "503"): 10, ("v2", "200"): 17, ("v2", "429"): 2, ("v2", "0"): 1, ("v9", "200"): 95},
)


def test_counting_begins_with_the_step_and_goes_on_from_look_to_look(scene: Mesh) -> None:
    source = Scraped(scene.client, Counted(*REQUESTS))
    first = source.look(question(Asked(ERRORS)))
    assert first is not None
    assert (first.candidate, first.total, first.guards["errors"]) == (0, 0, Counts())
    again = source.look(question(Asked(ERRORS), seen=first))
    assert again == first, "Prometheus has nothing new"

    later = source.look(question(Asked(ERRORS, codes=("429",)), seen=_earlier(first)))
    assert later is not None
    assert (later.candidate, later.total) == (10, 200), "other versions are part of all"
    assert later.guards["errors"] == Counts(Stream(3, 10), Stream(10, 100))
    more = source.look(question(Asked(ERRORS), seen=_earlier(later)))
    assert more is not None
    assert more.candidate == 20, "on top of what was seen before"


def _earlier(evidence: Any) -> Any:
    """As if it had been seen a second before."""
    return replace(evidence, until=evidence.until - 1.0)


def test_after_a_long_time_only_the_last_of_it_is_asked_for(scene: Mesh) -> None:
    asker = Counted(*REQUESTS)
    source = Scraped(scene.client, asker)
    first = source.look(question())
    assert first is not None
    source.look(question(seen=replace(first, until=first.until - 7200.0)))
    assert asker.asked[-1].endswith("}[600000ms]")


def test_a_new_step_begins_anew(scene: Mesh) -> None:
    source = Scraped(scene.client, Counted(*REQUESTS))
    first = source.look(question(Asked(ERRORS)))
    later = source.look(question(Asked(ERRORS), step="1", seen=_earlier(first)))
    assert later is not None
    assert (later.epoch != first.epoch if first else False, later.candidate) == (True, 0)


def test_slow_is_what_is_above_the_edge_at_or_below_the_limit(scene: Mesh) -> None:
    before: Series = {(version, "200", le): 0.0 for version in ("v1", "v2") for le in ("10.0", "25.0", "50.0", "+Inf")}
    after = before | {("v1", "200", "25.0"): 95, ("v1", "200", "+Inf"): 100, ("v2", "200", "25.0"): 2}
    after |= {("v2", "200", "+Inf"): 12, ("v1", "200", "10.0"): 80, ("v2", "200", "50.0"): 12}
    asker = Counted(before | REQUESTS[0], after | REQUESTS[1])
    source = Scraped(scene.client, asker)
    first = source.look(question())
    found = source.look(question(Asked(SLOW, limit=27_000.0), seen=_earlier(first)))
    assert found is not None
    assert found.guards["slow"] == Counts(Stream(10, 12), Stream(5, 100))


def test_durations_are_stables_of_the_last_minute(scene: Mesh) -> None:
    before: Series = {("v1", "200", le): 100.0 for le in ("10", "25", "+Inf")}
    after: Series = {("v1", "200", "10"): 160.0, ("v1", "200", "25"): 190.0, ("v1", "200", "+Inf"): 190.0}
    asker = Counted(before, after)
    found = Scraped(scene.client, asker).durations(VERSIONS)
    assert found == {(0.0, 10_000.0): 60, (10_000.0, 15_000.0): 30}
    assert 'destination_canonical_revision="v1"' in asker.asked[-1]


def test_copies_are_counted_where_they_arrive_and_tell_no_share(scene: Mesh) -> None:
    asker = Counted(*REQUESTS)
    found = Scraped(scene.client, asker).look(question(Asked(ERRORS), copies=True, seen=None))
    assert found is not None
    assert not found.tells_share
    real = Counted(*REQUESTS)
    Scraped(scene.client, real).look(question(Asked(ERRORS)))
    assert any("turnout_mirrored" in promql for promql in asker.asked)
    assert not any("turnout_mirrored" in promql for promql in real.asked)


def test_a_query_is_asked_of_the_controllers_own_prometheus(scene: Mesh) -> None:
    asker = Counted(*REQUESTS)
    guard = Guard("query", "query", 0.01)
    query = Query('sum(bad{version="$version"})', 'sum(all{version="$version", namespace="$namespace"})')
    found = Scraped(scene.client, asker).look(question(Asked(guard, query=query)))
    assert found is not None
    assert found.guards["query"] == Counts(Stream(7, 7), Stream(7, 7))
    assert 'sum(all{version="v2", namespace="default"})' in asker.asked


def test_a_version_without_a_ready_pod_is_not_ready(scene: Mesh) -> None:
    source = Scraped(scene.client, Counted(*REQUESTS))
    found = source.look(question())
    assert found is not None
    assert (found.candidate_ready, found.stable_ready) == (True, True)
    scene.gone("app-v2")
    found = source.look(question())
    assert found is not None
    assert (found.candidate_ready, found.stable_ready) == (False, True)


def test_versions_that_metrics_do_not_tell_apart_are_no_evidence(scene: Mesh) -> None:
    subsets = [{"name": name, "labels": {"version": "same", "track": name}} for name in ("v1", "v2")]
    scene.client.patch(DESTINATION_RULE, "default", "app", {"spec": {"subsets": subsets}})
    with pytest.raises(EvidenceFailed, match="do not tell v1 from v2"):
        Scraped(scene.client, Counted(*REQUESTS)).look(question())
    scene.client.patch(DESTINATION_RULE, "default", "app", {"spec": {"subsets": subsets[:1]}})
    with pytest.raises(EvidenceFailed, match="has no subset v2"):
        Scraped(scene.client, Counted(*REQUESTS)).look(question())
