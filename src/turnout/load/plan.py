"""What to send, how often, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

CLOSED_LOOP_CLIENTS = 10
OPEN_LOOP_CLIENTS = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of load.

    Closed loop (no `rate`): each client sends its next request when the answer to the last one is complete.
    Open loop (`rate`, requests per second): requests are due at fixed times, whatever the server does; latency counts
    from the time a request was due, so that a slow server cannot hide its slowness (no coordinated omission).

    The run starts no more requests after `seconds` or `requests`, whichever comes first; with neither it ends when it
    is told to.
    """

    url: str
    clients: int | None = None
    """Most requests in flight, each on its own connection. None: 10 in the closed loop, 1000 in the open one."""
    seconds: float | None = None
    requests: int | None = None
    rate: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes = b""
    connect: tuple[str, int] | None = None
    """Where to connect instead of the URL's host and port; the Host header stays the URL's."""
    timeout_seconds: float = 60.0
    """From a request's first byte sent (or its connection's first try) to the last byte of its answer."""
    drain_seconds: float = 30.0
    """How long requests in flight may take after `seconds`; what is not answered then is counted as unfinished."""
    version_header: str = "x-turnout-version"
    verify: bool = True
    """https: check the server's certificate."""

    def __post_init__(self) -> None:
        assert self.clients is None or self.clients > 0
        assert self.requests is None or self.requests > 0
        assert self.rate is None or self.rate > 0
        assert self.timeout_seconds > 0

    @property
    def most_in_flight(self) -> int:
        """`clients`, or its default."""
        return self.clients or (CLOSED_LOOP_CLIENTS if self.rate is None else OPEN_LOOP_CLIENTS)
