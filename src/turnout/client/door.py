"""The way to an API: where it listens, what opens it, and what to say when it stays shut."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Protocol

from turnout.error import TurnoutError


class Door(Protocol):
    """Of one machine's own instance (`state.Local`), or of a cluster (`cluster.Remote`)."""

    @property
    def prefix(self) -> str:
        """What stands before every path: clusters behind a gateway have one, such as `/k8s/clusters/c-1`."""

    def connection(self, timeout_seconds: float | None) -> HTTPConnection:
        """A new one, not yet connected. Raises TurnoutError when its credentials cannot be used."""

    def headers(self) -> Mapping[str, str]:
        """What lets a request in."""

    def renew(self) -> bool:
        """After a 401: whether there are other credentials now, so that asking again makes sense."""

    def shut(self, why: str, *, refused: bool = False) -> TurnoutError:
        """What to tell the user when nobody answers, or nobody who is asked for; `refused`: it said 401."""

    def late(self, seconds: float) -> TurnoutError:
        """What to tell the user when an answer takes longer than it may."""
