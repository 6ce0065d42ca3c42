"""Which answers belong together: a request's own and its copies', in whatever order Envoy tells of them. Bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from turnout.capture.trace import Trace
from turnout.delivery.comparison.exchange import Exchange, Pair, Side

COPY_SECONDS = 5.0
"""How long a copy is waited for after the user's answer: longer than Envoy gives it."""
STABLE_SECONDS = 60.0
"""How long the user's answer is waited for after a copy's."""
MOST_BYTES = 64 << 20
_OVERHEAD_BYTES = 8192
"""About what a request takes here besides its bodies."""

Reason = Literal["copy not seen", "stable's answer not seen", "no room", "dropped by Envoy"]
REASONS: tuple[Reason, ...] = get_args(Reason)
_OVERFLOW = "UO"
"""Envoy's flag for what exceeded its own limits: the copy's receiver never got it, and is not to blame."""


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A copy that there is nothing to compare of. Never evidence of anything."""

    route: str
    side: Side
    reason: Reason


@dataclass(slots=True)
class _Request:
    """What is known of one. `stable` None: its answer has not been seen, or (`is_foreign`) is not stable's."""

    stable: Exchange | None = None
    is_foreign: bool = False
    copies: dict[Side, Exchange] = field(default_factory=dict)
    paired: set[Side] = field(default_factory=set)
    since: float = 0.0

    @property
    def size_bytes(self) -> int:
        stable = len(self.stable.body) if self.stable else 0
        return _OVERHEAD_BYTES + stable + sum(len(copy.body) for copy in self.copies.values())

    def given_up(self, reason: Reason) -> Iterator[Unpaired]:
        """All copies that should be here, or are, and have no partner. Whether there is one for baseline, is open."""
        if self.stable is not None and "candidate" not in self.paired:
            yield Unpaired(self.stable.route, "candidate", reason)
        for side, copy in self.copies.items():
            yield Unpaired(copy.route, side, reason)


class _Shelf:
    """Requests that wait for the same thing, each as long as the others: the oldest first."""

    def __init__(self, seconds: float, reason: Reason) -> None:
        self.seconds = seconds
        self.reason: Reason = reason
        self.size_bytes = 0
        self._requests: dict[str, _Request] = {}

    def get(self, key: str) -> _Request | None:
        return self._requests.get(key)

    def put(self, key: str, request: _Request, now: float) -> None:
        request.since = now
        self._requests[key] = request
        self.size_bytes += request.size_bytes

    def pop(self, key: str) -> _Request | None:
        request = self._requests.pop(key, None)
        if request is not None:
            self.size_bytes -= request.size_bytes
        return request

    def expired(self, now: float) -> Iterator[Unpaired]:
        while (oldest := self._oldest()) and self._requests[oldest].since + self.seconds <= now:
            yield from self._given_up(oldest, self.reason)

    def pushed_out(self) -> Iterator[Unpaired]:
        """The oldest has to go."""
        oldest = self._oldest()
        assert oldest is not None, "something takes the room"
        yield from self._given_up(oldest, "no room")

    def _oldest(self) -> str | None:
        return next(iter(self._requests), None)

    def _given_up(self, key: str, reason: Reason) -> Iterator[Unpaired]:
        request = self.pop(key)
        if request is not None:
            yield from request.given_up(reason)


class Pairing:
    """Of the requests to one service; `stable` and `candidate` are its subsets.

    `now` is in seconds, and never goes back.
    """

    def __init__(self, host: str, stable: str, candidate: str, most_bytes: int = MOST_BYTES) -> None:
        self._host, self._stable = host, stable
        self._sides: dict[str, Side] = {stable: "baseline", candidate: "candidate"}
        self._most_bytes = most_bytes
        self._early = _Shelf(STABLE_SECONDS, "stable's answer not seen")
        self._answered = _Shelf(COPY_SECONDS, "copy not seen")

    @property
    def size_bytes(self) -> int:
        """About what waits here."""
        return self._early.size_bytes + self._answered.size_bytes

    def add(self, trace: Trace, now: float) -> Iterator[Pair | Unpaired]:
        """What is complete by one more answer, or never will be. Other services' answers are nothing here."""
        if trace.host != self._host:
            return
        if not trace.is_copy:
            yield from self._add_answer(trace, now)
        elif trace.subset in self._sides:
            yield from self._add_copy(trace.exchange, self._sides[trace.subset], now)
        while self.size_bytes > self._most_bytes:
            larger = max(self._early, self._answered, key=lambda shelf: shelf.size_bytes)
            yield from larger.pushed_out()

    def expire(self, now: float) -> Iterator[Unpaired]:
        """Those that have been waited for long enough."""
        yield from self._answered.expired(now)
        yield from self._early.expired(now)

    def _add_answer(self, trace: Trace, now: float) -> Iterator[Pair | Unpaired]:
        """The user's. What another version answered, there is nothing to compare with."""
        key = trace.exchange.key
        if self._answered.get(key) is not None:
            return
        request = self._early.pop(key) or _Request()
        if trace.subset == self._stable:
            request.stable = trace.exchange
        else:
            request = _Request(is_foreign=True)
        for side in tuple(request.copies):
            yield _match(request, side, request.copies.pop(side))
        self._keep_answered(key, request, now)

    def _add_copy(self, copy: Exchange, side: Side, now: float) -> Iterator[Pair | Unpaired]:
        answered = self._answered.get(copy.key)
        if answered is None:
            early = self._early.pop(copy.key) or _Request(since=now)
            early.copies.setdefault(side, copy)
            self._early.put(copy.key, early, now)
        elif not answered.is_foreign and side not in answered.paired:
            yield _match(answered, side, copy)
            if len(answered.paired) == len(self._sides):
                self._answered.pop(copy.key)

    def _keep_answered(self, key: str, request: _Request, now: float) -> None:
        """Unless both copies are here already."""
        if len(request.paired) < len(self._sides):
            self._answered.put(key, request, now)


def _match(request: _Request, side: Side, copy: Exchange) -> Pair | Unpaired:
    assert request.stable is not None, "only stable's answer has copies to match"
    request.paired.add(side)
    if _OVERFLOW in copy.local_reply:
        return Unpaired(request.stable.route, side, "dropped by Envoy")
    return Pair(request.stable, copy, side)
