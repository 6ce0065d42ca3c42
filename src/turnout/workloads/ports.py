"""Which ports pods are given."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
FIRST, LAST = 20_000, 29_999
"""Below every system's range of ephemeral ports: between the choice of a port and the process's bind, an outgoing
connection (Envoy makes many) may take any port of that range as its own. Above: Kubernetes' node ports."""


class Ports:
    """Hands out ports that nobody listens on, none of them twice until it is given back."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        # Two instances that start at one place would race for the same ports.
        self._next = random.randrange(FIRST, LAST + 1)  # noqa: S311 - no secret

    def take(self) -> int:
        """A free port; from the ephemeral range once ours is used up."""
        for _ in range(FIRST, LAST + 1):
            port, self._next = self._next, self._next + 1 if self._next < LAST else FIRST
            if port not in self._taken and free(port):
                break
        else:
            port = _ephemeral()
        self._taken.add(port)
        return port

    def keep(self, port: int) -> None:
        """A port that an adopted process has."""
        self._taken.add(port)

    def give_back(self, port: int) -> None:
        self._taken.discard(port)


def free(port: int) -> bool:
    """Whether a server could listen there now, on loopback and on all addresses."""
    return all(_bindable(host, port) for host in (LOOPBACK, "0.0.0.0"))  # noqa: S104 - bound, never listened on


def _bindable(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As servers do it: a connection that is only waiting out its TIME_WAIT is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _ephemeral() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
