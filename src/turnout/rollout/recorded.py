"""What stable has done lately, window by window, as far as a plan's guards ask: the material of a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.delivery.evidence import Buckets, limit, noticeably_above
from turnout.delivery.guard import Guard
from turnout.delivery.plan import Plan
from turnout.error import TurnoutError
from turnout.rollout.intent import Intent
from turnout.telemetry.histogram import added

LEAST_REQUESTS = 100
"""Fewer say nothing of how a service behaves."""
NO_ANSWER = "0"


@dataclass(frozen=True, slots=True)
class Bad:
    """Of one guard, in one window. `delayed`: not bad, but bad if it took the rehearsed delay longer."""

    bad: int
    delayed: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Some seconds of stable's requests."""

    seconds: float
    requests: int
    guards: Mapping[str, Bad]


@dataclass(frozen=True, slots=True)
class Recorded:
    """`limits`: of `slow` guards, in microseconds; `delay_us`: so much longer takes each request with the fault.

    `unseen`: guards that recorded traffic says nothing of: nothing is bad for them.
    """

    windows: Sequence[Window]
    limits: Mapping[str, float]
    delay_us: float | None
    unseen: tuple[str, ...]

    @property
    def requests(self) -> int:
        return sum(window.requests for window in self.windows)

    @property
    def seconds(self) -> float:
        return sum(window.seconds for window in self.windows)

    def share(self, guard: str) -> float:
        """Of bad requests."""
        return sum(window.guards[guard].bad for window in self.windows) / self.requests


def recorded(found: Mapping[str, Any], intent: Intent) -> Recorded:
    """`found`: the view `windows`. Raises TurnoutError when that is too little."""
    raw = _busy([each for each in found["windows"] if each["seconds"] > 0])
    requests = sum(_requests(each) for each in raw)
    if requests < LEAST_REQUESTS:
        message = f"{intent.versions.stable} answered {requests} requests in {found['asked_seconds']:g} s"
        raise TurnoutError(f"{message}: too few to rehearse with", "send traffic, or look further back with --seconds")
    durations = [_durations(each) for each in raw]
    together: Buckets = {}
    for each in durations:
        together = added(together, each)
    limits = dict(_limits(intent.plan, together))
    delay = _delay(intent.plan, together, limits)
    windows = [
        Window(each["seconds"], _requests(each), dict(_guards(each, buckets, intent, limits, delay or 0.0)))
        for each, buckets in zip(raw, durations, strict=True)
    ]
    unseen = tuple(guard.name for guard in intent.plan.guards if guard.kind == "query")
    return Recorded(windows, limits, delay, unseen)


def _busy(windows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """From the first window with traffic to the last: before somebody began a load test there was nothing to record."""
    busy = [at for at, window in enumerate(windows) if _requests(window)]
    return windows[busy[0] : busy[-1] + 1] if busy else ()


def _requests(window: Mapping[str, Any]) -> int:
    return sum(window["codes"].values())


def _durations(window: Mapping[str, Any]) -> Buckets:
    return {(lower, width): count for lower, width, count in window["durations"]}


def _limits(plan: Plan, durations: Buckets) -> Iterator[tuple[str, float]]:
    """Raises TurnoutError when there are too few requests for a quantile: its guard would never be fine."""
    for guard in plan.guards:
        if guard.quantile is not None:
            found = limit(durations, guard.quantile)
            if found is None:
                count = sum(durations.values())
                message = f"{count} requests were recorded: too few for the quantile {guard.quantile:g} of {guard.name}"
                raise TurnoutError(message, "send traffic, or look further back with --seconds")
            yield guard.name, noticeably_above(found)


def _delay(plan: Plan, durations: Buckets, limits: Mapping[str, float]) -> float | None:
    """The least that makes twice as many more requests slow as each guard tolerates. None without such guards."""
    delays = [limits[guard.name] - _lowest_of(durations, guard) for guard in plan.guards if guard.name in limits]
    return max(delays, default=None)


def _lowest_of(durations: Buckets, guard: Guard) -> float:
    """The lower bound above which that many requests lie besides those that are slow anyway; 0 if there are fewer."""
    assert guard.quantile is not None, "a guard with a limit"
    wanted, seen = (1 - guard.quantile + 2 * guard.tolerance) * sum(durations.values()), 0
    for (lower, _), count in sorted(durations.items(), reverse=True):
        seen += count
        if seen >= wanted - 1e-6:
            return lower
    return 0.0


def _guards(
    window: Mapping[str, Any], durations: Buckets, intent: Intent, limits: Mapping[str, float], delay: float
) -> Iterator[tuple[str, Bad]]:
    for guard in intent.plan.guards:
        if guard.kind == "errors":
            yield guard.name, Bad(_failed(window["codes"], intent.codes.get(guard.name, ())))
        elif guard.name in limits:
            yield guard.name, _slow(durations, limits[guard.name], delay, _requests(window))
        else:
            yield guard.name, Bad(0)


def _failed(codes: Mapping[str, int], more: Sequence[str]) -> int:
    kinds = {"5xx", *more}
    return sum(n for code, n in codes.items() if code == NO_ANSWER or code in kinds or f"{code[:1]}xx" in kinds)


def _slow(durations: Buckets, limit: float, delay: float, requests: int) -> Bad:
    """Envoy merges histograms a little later than it counts, so a window may have more of them, or fewer."""
    slow = sum(n for (lower, _), n in durations.items() if lower >= limit)
    delayed = sum(n for (lower, _), n in durations.items() if limit - delay <= lower < limit)
    slow = min(slow, requests)
    return Bad(slow, min(delayed, requests - slow))
