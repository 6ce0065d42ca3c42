"""One cluster, for as long as somebody looks at it: how it is reached, and what was read of it lately."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from turnout.client import Client
from turnout.client.kubeconfig import Access
from turnout.client.remote import Remote
from turnout.cluster.history import History

if TYPE_CHECKING:
    from turnout.cluster.live import Live
    from turnout.evidence.finding import Prometheus

FRESH_SECONDS: Final = 5.0
"""For so long objects that were read are told again: who watches asks each second, and there may be thousands."""
CALL_SECONDS: Final = 30.0


class Site:
    """For several threads. `prometheus`: where the user says it is; empty: it is looked for.

    `namespace`: whose services are shown; empty: everybody's.
    """

    def __init__(self, access: Access, prometheus: str = "", namespace: str = "") -> None:
        self.access = access
        self.namespace = namespace
        self.history = History.of(access.server.rpartition("@")[2])
        self._prometheus = prometheus
        self._lock = threading.Lock()
        self._found: Prometheus | None = None
        self._looked = False
        self._live: Live | None = None
        self._read_at = 0.0

    def open(self, timeout_seconds: float = CALL_SECONDS) -> Client:
        """Its API alone. Raises ClusterFailed."""
        return Client.through(Remote(self.access), timeout_seconds, self.access.namespace)

    def live(self) -> Live:
        """Its objects, at most a few seconds old. Raises TurnoutError."""
        from turnout.cluster.live import read

        with self._lock:
            if self._live is None or time.monotonic() - self._read_at > FRESH_SECONDS:
                with self.open() as client:
                    self._live = read(client)
                self._read_at = time.monotonic()
            return self._live

    def forget(self) -> None:
        """Something was written: whoever looks next reads anew."""
        with self._lock:
            self._live = None

    def close(self) -> None:
        """Who asks again opens it again."""
        with self._lock:
            if self._found is not None and self._found.client is not None:
                self._found.client.close()

    @property
    def prometheus(self) -> Prometheus | None:
        """Raises TurnoutError when what the user says makes no sense."""
        from turnout.evidence.finding import found, named

        with self._lock:
            if not self._looked:
                client = self.open()
                try:
                    self._found = named(client, self._prometheus) if self._prometheus else found(client)
                    self._looked = True
                finally:
                    if self._found is None or self._found.client is None:
                        client.close()
            return self._found
