"""The client of a cluster: what an instance shows of itself is worked out here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.client.client import Client
from turnout.client.connection import Connection
from turnout.client.remote import Remote
from turnout.client.stream import Stream
from turnout.cluster.site import CALL_SECONDS, Site
from turnout.error import ApiError

HISTORY = "history"
"""The one view that every change needs."""


class ClusterClient(Client):
    """Resources are the cluster's; of what is no resource nothing is asked there."""

    acknowledges = False

    def __init__(self, site: Site, timeout_seconds: float = CALL_SECONDS, *, alone: bool = False) -> None:
        """`alone`: nobody else asks about this site, so that it is closed with the client. Raises ClusterFailed."""
        connection = Connection(Remote(site.access), timeout_seconds)
        connection.connect()
        super().__init__(connection)
        self.site = site
        self._alone = alone
        self.namespace = site.access.namespace

    def close(self) -> None:
        super().close()
        if self._alone:
            self.site.close()

    def view(self, name: str, **query: str) -> Any:
        """As an instance would tell it; raises ApiError 404 for what cannot be told of a cluster."""
        return self._answer(name, query)

    def post(self, name: str, body: Any) -> Any:
        return self._answer(name, {}, body)

    def _answer(self, name: str, query: Mapping[str, str], body: Any = None) -> Any:
        if name == HISTORY:
            return self.site.history.told(body)
        from turnout.cluster.views import answer

        return answer(self.site, name, query, body)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What was read before a write is told no more after it."""
        answered = super()._call(method, path, query, body, headers)
        if method != "GET":
            self.site.forget()
        return answered

    def stream(self, name: str, **query: str) -> Stream:
        raise ApiError(404, "NotFound", f"{name} cannot be followed on a cluster", "kubectl logs does it")
