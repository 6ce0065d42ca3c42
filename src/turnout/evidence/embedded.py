"""Evidence from our own telemetry: the view `counts`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from turnout.client import Client
from turnout.delivery.edit import MIRROR_SUFFIX, USERS_SUFFIX
from turnout.delivery.evidence import Buckets, Counts, Evidence, Stream, slower
from turnout.delivery.steering import Versions
from turnout.error import EvidenceFailed
from turnout.evidence import query
from turnout.evidence.failed import is_bad
from turnout.evidence.question import Asked, Question
from turnout.telemetry.histogram import added


@dataclass(frozen=True, slots=True)
class Row:
    """Requests of one kind, as `counts` tells them."""

    route: str
    subset: str
    mirrored: bool
    code: str
    requests: int


Chosen = Callable[[str, bool], bool]
"""Of a route, and whether it is copies."""


class Embedded:
    """A running instance of Turnout, by its API."""

    prompt = True

    def __init__(self, client: Client) -> None:
        self._client = client
        self.problems: list[str] = []

    def look(self, question: Question) -> Evidence | None:
        """Raises TurnoutError."""
        versions = question.versions
        counted = self._client.view("counts", service=versions.host)
        seen = _Seen(self._client, counted, question)
        candidate, total = seen.split()
        guards = {asked.guard.name: counts for asked in question.guards if (counts := seen.counts(asked))}
        self.problems = seen.problems
        ready = counted["ready"]
        return Evidence(
            epoch=f"{counted['epoch']}/{question.step}",
            candidate=candidate,
            total=total,
            guards=guards,
            candidate_ready=ready.get(versions.candidate, 0) > 0,
            stable_ready=ready.get(versions.stable, 0) > 0,
        )

    def durations(self, versions: Versions) -> Buckets:
        """Raises TurnoutError."""
        counted = self._client.view("counts", service=versions.host, look="0", seconds="60")
        return _durations(counted, versions.stable, lambda route, copies: not copies and _is_of(route, versions))

    def under_way(self, versions: Versions) -> int:
        """Raises TurnoutError."""
        found: int = self._client.view("under_way", service=versions.host, subset=versions.candidate)["requests"]
        return found


class _Seen:
    """What was counted, and what of it is asked for."""

    def __init__(self, client: Client, counted: Mapping[str, Any], question: Question) -> None:
        self._client = client
        self._counted = counted
        self._question = question
        self.problems: list[str] = []
        self._rows = [Row(*row) for row in counted["requests"] if _is_of(row[0], question.versions)]
        stable = question.versions.stable
        copied = question.copies and any(row.mirrored and row.subset == stable for row in self._rows)
        self._copies = {question.versions.candidate: question.copies, stable: copied}

    def split(self) -> tuple[int, int]:
        """The candidate's requests, and all by which its share is told: of copies, those that the copying rule took."""
        candidate = sum(row.requests for row in self._of(self._question.versions.candidate))
        real = [row for row in self._rows if not row.mirrored]
        if self._question.copies:
            real = [row for row in real if row.route.endswith(MIRROR_SUFFIX)]
        return candidate, sum(row.requests for row in real)

    def counts(self, asked: Asked) -> Counts | None:
        """None: it cannot be counted yet."""
        versions = self._question.versions
        try:
            candidate, stable = self._stream(asked, versions.candidate), self._stream(asked, versions.stable)
        except EvidenceFailed as error:
            self.problems.append(f"{asked.guard.name}: {error.message}")
            return None
        return None if candidate is None or stable is None else Counts(candidate, stable)

    def _stream(self, asked: Asked, subset: str) -> Stream | None:
        match asked.guard.kind:
            case "errors":
                rows = list(self._of(subset))
                bad = sum(row.requests for row in rows if is_bad(row.code, asked.codes))
                return Stream(bad, sum(row.requests for row in rows))
            case "slow" if asked.limit is not None:
                return slower(self._durations(subset), asked.limit)
            case "query" if asked.query is not None:
                version = self._counted["versions"].get(subset, subset)
                return query.stream(self._client, asked.query, self._question.versions.host, subset, version)
            case _:
                return None

    def _of(self, subset: str) -> Iterator[Row]:
        return (row for row in self._rows if (row.subset, row.mirrored) == (subset, self._copies[subset]))

    def _durations(self, subset: str) -> Buckets:
        versions, wanted = self._question.versions, self._copies[subset]
        return _durations(
            self._counted, subset, lambda route, copies: copies == wanted and (copies or _is_of(route, versions))
        )


def _durations(counted: Mapping[str, Any], subset: str, chosen: Chosen) -> Buckets:
    together: Buckets = {}
    for route, answered_by, mirrored, buckets in counted["durations"]:
        if answered_by == subset and chosen(route, mirrored):
            together = added(together, {(lower, width): count for lower, width, count in buckets})
    return together


def _is_of(route: str, versions: Versions) -> bool:
    """A route goes by one name with the rules before it; of copies the route is not known."""
    if versions.route is None or not route:
        return True
    return route in (versions.route, versions.route + MIRROR_SUFFIX, versions.route + USERS_SUFFIX)
