"""A client that only the leader writes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turnout.client import Client
from turnout.client.connection import Connection
from turnout.error import TurnoutError
from turnout.rollout.cluster import MANAGER


class LeaderClient(Client):
    """Asks `leads` before everything that is no GET: a process that slept too long must not act on what it knew then.

    Between the question and the request there is a moment, and no more: routes are patched guarded by their version.
    `calls` hears of every call: whoever makes some is not stuck.
    """

    manager = MANAGER

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.leads: Callable[[], bool] = lambda: False
        self.calls: Callable[[], None] = lambda: None

    def _call(self, method: str, *rest: Any, **more: Any) -> Any:
        self.calls()
        if method != "GET" and not self.leads():
            raise TurnoutError("another controller may act by now: nothing was written")
        return super()._call(method, *rest, **more)
