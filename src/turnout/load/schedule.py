"""When requests start: as fast as clients are free, or at a fixed rate. Time is an argument."""

from __future__ import annotations

import math

EARLY_SECONDS = 0.001
"""A timer of the event loop wakes up to 1 ms late. Requests of the open loop are therefore started up to 1 ms early
(and then counted from their real start): otherwise that millisecond would be added to every latency."""


class Schedule:
    """Hands out starts, one at a time. Times are seconds since the run began."""

    __slots__ = ("_closed", "_limit", "_rate", "_seconds", "taken")

    def __init__(self, *, rate: float | None, seconds: float | None, requests: int | None) -> None:
        self._rate = rate
        self._seconds = math.inf if seconds is None else seconds
        self._limit: float = math.inf if requests is None else requests
        if rate is not None and seconds is not None:
            # Rounded, so that 0.1 s at 30/s is 3 requests and not 4.
            self._limit = min(self._limit, math.ceil(round(rate * seconds, 6)))
        self._closed = False
        self.taken = 0

    def take(self, now: float) -> float | None:
        """The time from which the next request counts; None if none is due."""
        if self._closed or self.taken >= self._limit:
            return None
        if self._rate is None:
            if now >= self._seconds:
                return None
            self.taken += 1
            return now
        due = self.taken / self._rate
        if due > now + EARLY_SECONDS:
            return None
        self.taken += 1
        return min(due, now)

    def wake_at(self) -> float | None:
        """When `take` is worth calling next, for the open loop; None if no request is to come, or any time is good."""
        if self._rate is None or self.taken >= self._limit:
            return None
        return self.taken / self._rate - EARLY_SECONDS

    def over(self, now: float) -> bool:
        """No request starts any more."""
        return self._closed or self.taken >= self._limit or now >= self._seconds

    def close(self, now: float) -> None:
        """End here, unless it ended before.

        Until then the open loop hands out what was due before its end, so that a slow machine misses none.
        """
        self._closed = True
        self._seconds = min(self._seconds, now)

    def unstarted(self, now: float) -> int:
        """Requests of the open loop that were due and were not started, because no client was free."""
        if self._rate is None:
            return 0
        due = math.ceil(round(self._rate * min(now, self._seconds), 6))
        return int(max(0, min(due, self._limit) - self.taken))
