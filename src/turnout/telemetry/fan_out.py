"""How many calls of a service a user's request makes. A user request is one that came in at a gateway.

Counters tell the mean; traces how it is distributed, and whether all calls of one user request can be told to be of
one, where the application passes on what it was given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD
from turnout.telemetry.series import Series
from turnout.telemetry.span import Span, Trace
from turnout.telemetry.traffic import Traffic

Workload = tuple[str, str]
"""Namespace and name."""
GATEWAY: Workload = (GATEWAY_NAMESPACE, GATEWAY_WORKLOAD)

UNFINISHED_SECONDS = 60.0
"""A gateway tells of a request when it has ended, and of what that called before: so long one waits for it."""
SETTLING_SECONDS = 3.0
"""Envoy's workers hand in spans twice a second, each for itself: a request's may come before those of its calls."""
LEAST_TRACED = 20
"""User requests in traces from which on their distribution is believed."""
_DOUBT = 0.25
_STRAY = 0.01


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls in question: of a service, by some of its routes."""

    host: str
    by_route: Callable[[str], bool]

    def has(self, host: str, route: str) -> bool:
        return host == self.host and self.by_route(route)


@dataclass(frozen=True, slots=True)
class Counted:
    """User requests that could lead to such a call, and the calls that came of them.

    `direct`: how many of these a gateway made itself. `leading`: workloads that make such calls, or call who does.
    """

    user_requests: int
    calls: int
    direct: int
    leading: frozenset[Workload]

    @property
    def mean(self) -> float | None:
        return self.calls / self.user_requests if self.user_requests else None


@dataclass(frozen=True, slots=True)
class Traced:
    """`distribution`: calls → user requests that made so many, of all that were traced.

    `by_trace`, `by_request_id`: calls further in that are known to be of a user request, by the trace's context or by
    the id; `stray`: those of which it is not known whose they are.
    """

    distribution: Mapping[int, int]
    by_trace: int = 0
    by_request_id: int = 0
    stray: int = 0

    @property
    def header(self) -> str | None:
        """By which calls are known to belong together; None: by none, or there were none to see."""
        if not self.propagates:
            return None
        return "traceparent" if self.by_trace >= self.by_request_id else "x-request-id"

    @property
    def propagates(self) -> bool | None:
        """Whether (nearly) all calls are known to be of a user request; None: none was traced."""
        known = self.by_trace + self.by_request_id
        return self.stray <= _STRAY * (known + self.stray) if known + self.stray else None

    def believable(self, mean: float) -> bool:
        """Whether the distribution is that of what was counted."""
        requests = sum(self.distribution.values())
        if requests < LEAST_TRACED or not (self.propagates or self.propagates is None):
            return False
        own = sum(calls * n for calls, n in self.distribution.items()) / requests
        return abs(own - mean) <= _DOUBT * mean


# --- from counters


def counted(traffic: Mapping[Series, Traffic], wanted: Calls) -> Counted:
    """Calls that nobody's request has led to, such as a timer's, are left out; so are copies, and what they cause."""
    real = [(series, found.requests) for series, found in traffic.items() if found.requests and not series.mirrored]
    hops = {(_source(series), _target(series)) for series, _ in real}
    calling = {_source(series) for series, _ in real if wanted.has(series.destination_service, series.route)}
    reached = _closure({GATEWAY}, hops)
    leading = _closure(calling, {(target, source) for source, target in hops}) - {GATEWAY}
    calls: Counter[bool] = Counter()
    user_requests = 0
    for series, requests in real:
        asked = wanted.has(series.destination_service, series.route)
        if asked and _source(series) in reached:
            calls[_source(series) == GATEWAY] += requests
        if _source(series) == GATEWAY and (asked or _target(series) in leading):
            user_requests += requests
    return Counted(user_requests, calls.total(), calls[True], frozenset(leading))


def _source(series: Series) -> Workload:
    return series.source_workload_namespace, series.source_workload


def _target(series: Series) -> Workload:
    """Of what nobody answered, one that calls nobody."""
    return series.destination_workload_namespace, series.destination_workload


def _closure(begin: Iterable[Workload], hops: Iterable[tuple[Workload, Workload]]) -> set[Workload]:
    """All that can be reached; whoever is not known leads nowhere."""
    onward: dict[Workload, set[Workload]] = {}
    for source, target in hops:
        if source[1] and target[1]:
            onward.setdefault(source, set()).add(target)
    found, waiting = set(begin), list(begin)
    while waiting:
        new = onward.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


# --- from traces


def traced(traces: Sequence[Trace], wanted: Calls, leading: frozenset[Workload], now: float) -> Traced:
    """Of traces that begin at a gateway, and calls elsewhere that have the id of one of their requests."""
    rooted = {trace.root.trace_id: trace for trace in traces if _from_gateway(trace.root)}
    settled = [trace for trace in rooted.values() if trace.root.end < now - SETTLING_SECONDS]
    entering = [trace for trace in settled if _enters(trace.root, wanted, leading)]
    outside: Counter[str] = Counter()
    for trace in traces:
        if trace.root.trace_id not in rooted and _whole(trace, now):
            outside.update(span.request_id for span in _calls(trace, wanted) if _by(span) in leading)
    ids = {trace.root.request_id for trace in rooted.values()} - {""}
    distribution: Counter[int] = Counter()
    by_trace = 0
    for trace in entering:
        own = list(_calls(trace, wanted))
        by_trace += sum(not _from_gateway(span) for span in own)
        distribution[len(own) + (outside[trace.root.request_id] if trace.root.request_id else 0)] += 1
    by_id = sum(n for request_id, n in outside.items() if request_id in ids)
    return Traced(distribution, by_trace, by_id, outside.total() - by_id)


def _calls(trace: Trace, wanted: Calls) -> Iterator[Span]:
    return (span for span in trace.spans if not span.mirrored and wanted.has(span.service, span.route))


def _enters(root: Span, wanted: Calls, leading: frozenset[Workload]) -> bool:
    return wanted.has(root.service, root.route) or (root.namespace, root.workload) in leading


def _from_gateway(span: Span) -> bool:
    return _by(span) == GATEWAY


def _by(span: Span) -> Workload:
    return span.source_namespace, span.source


def _whole(trace: Trace, now: float) -> bool:
    """Whether nothing is to come that would stand before its first span."""
    return not trace.root.parent_id or trace.at < now - UNFINISHED_SECONDS
