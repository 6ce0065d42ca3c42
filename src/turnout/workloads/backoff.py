"""CrashLoopBackOff: how long to wait before a process that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 1.0
"""Kubernetes waits 10 s; on a developer's machine a fix is often a second away."""
LONGEST_SECONDS = 300.0
HEALTHY_SECONDS = 600.0
"""Having run this long, a process is forgiven: twice the longest delay, as in Kubernetes."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Restarts in a row without a healthy run between them."""

    crashes: int = 0

    @property
    def delay_seconds(self) -> float:
        """0 after the first crash (as kubelet does), then 1 s, doubling up to 5 min."""
        if self.crashes <= 1:
            return 0.0
        return min(FIRST_SECONDS * 2.0 ** min(self.crashes - 2, 30), LONGEST_SECONDS)

    def after(self, ran_seconds: float) -> Backoff:
        """The state after a process ended that had run for so long."""
        return Backoff(1 if ran_seconds >= HEALTHY_SECONDS else self.crashes + 1)
