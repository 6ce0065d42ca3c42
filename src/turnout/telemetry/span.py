"""One hop of one traced request, and the trace that its hops make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """What the caller's proxy saw of a request. What is empty was not there, or is not known.

    `mirrored`: a copy. Of each copy there are two: how the request's proxy handed it over (`handed_over`), and, its
    child, how it was answered.
    """

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 of them, unique in its trace."""
    parent_id: str = ""
    name: str = ""
    """As Istio names it, `reviews.default.svc.cluster.local:80/*`."""
    at: float = 0.0
    """When it began, in unix seconds."""
    duration_ms: float = 0.0
    source: str = ""
    """The calling workload."""
    source_namespace: str = ""
    source_service: str = ""
    """Its canonical service."""
    service: str = ""
    """The full host name of what was called."""
    canonical_service: str = ""
    workload: str = ""
    """What answered."""
    namespace: str = ""
    version: str = ""
    subset: str = ""
    upstream: str = ""
    """`ip:port`."""
    route: str = ""
    method: str = ""
    url: str = ""
    protocol: str = ""
    status: str = ""
    """HTTP's; "0" when the client was gone before there was one."""
    flags: str = ""
    """Envoy's response flags, separated by commas."""
    grpc_status: str = ""
    request_bytes: int = 0
    response_bytes: int = 0
    request_id: str = ""
    error: bool = False
    mirrored: bool = False
    handed_over: bool = False

    @property
    def end(self) -> float:
        return self.at + self.duration_ms / 1000

    @property
    def path(self) -> str:
        """The URL from its path on."""
        return "/" + self.url.partition("://")[2].partition("/")[2] if self.url else ""


def folded(spans: Iterable[Span]) -> list[Span]:
    """A trace's spans for people to read, by their beginning: one for each copy, and whoever caused it as its source.

    That a copy was handed over is told only where nothing else is known of it, because it was dropped. What a copy's
    answerer called is a consequence of the copy, and marked so.
    """
    known = {span.span_id: span for span in spans}
    answered = {span.parent_id for span in known.values()}
    gone = {s.span_id: s.parent_id for s in known.values() if s.handed_over and s.span_id in answered}
    kept = {
        span.span_id: replace(span, parent_id=gone.get(span.parent_id, span.parent_id))
        for span in known.values()
        if span.span_id not in gone
    }
    return sorted(_inherited(kept), key=lambda span: span.at)


def _inherited(spans: Mapping[str, Span]) -> list[Span]:
    """Children know of themselves only; parents come before them in time, as far as clocks tell, and so here."""
    done: dict[str, Span] = {}
    for span in sorted(spans.values(), key=lambda span: span.at):
        done[span.span_id] = _child(span, done.get(span.parent_id))
    return list(done.values())


def _child(span: Span, parent: Span | None) -> Span:
    if parent is None:
        return span
    if parent.mirrored and not span.mirrored:
        return replace(span, mirrored=True)
    if span.mirrored and not span.source:
        return replace(span, source=parent.source, source_namespace=parent.source_namespace)
    return span


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of a whole request: at least one span."""

    spans: Sequence[Span]
    """As `folded` has them."""

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Trace:
        return cls(folded(spans))

    @property
    def root(self) -> Span:
        """The first hop that is known; a copy only where nothing else is."""
        known = {span.span_id for span in self.spans}
        roots = [span for span in self.spans if span.parent_id not in known] or self.spans
        return next((span for span in roots if not span.mirrored), roots[0])

    @property
    def at(self) -> float:
        return self.spans[0].at

    @property
    def duration_ms(self) -> float:
        """Until the last answer that somebody waited for: copies do not count, unless there is nothing else."""
        own = [span for span in self.spans if not span.mirrored] or self.spans
        return (max(span.end for span in own) - self.at) * 1000

    @property
    def error(self) -> bool:
        """Whether a hop failed, be it one that was tried again; a copy's failure is none."""
        return any(span.error for span in self.spans if not span.mirrored)

    @property
    def mirrored(self) -> bool:
        """Whether there are copies."""
        return any(span.mirrored for span in self.spans)
