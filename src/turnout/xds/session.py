"""One stream's order of sending: make before break. No clock, no socket: time is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from google.protobuf.message import Message

from turnout.compiler.config import CLUSTER, ENDPOINTS, LISTENER, ROUTES, SECRET, SEND_ORDER, Config
from turnout.xds.watch import Rejection, Watch

WARMING_LIMIT_SECONDS = 3.0
"""Envoy answers clusters once they are warm. One that cannot warm up must not keep routes waiting for longer."""


class Session:
    """What one Envoy, on one stream, has and lacks; says what to send next.

    Clusters and their endpoints go first. Only when Envoy has accepted them do listeners follow, and then routes: a
    route that comes before its cluster answers 503. What is wanted no more goes last, listeners before clusters.
    Secrets go whenever Envoy asks for them: clusters and listeners warm up until they have theirs.
    """

    def __init__(self) -> None:
        self._watches = {type_url: Watch(type_url) for type_url in SEND_ORDER}
        self._nonces = count(1)
        self._config: Config | None = None
        self._warming_until = 0.0

    def aim(self, config: Config) -> None:
        """From now on Envoy shall have `config`."""
        self._config = config
        for type_url, watch in self._watches.items():
            watch.aim(config.resources[type_url])

    def forget_rejections(self) -> None:
        """Tries again what Envoy refused."""
        for watch in self._watches.values():
            watch.forget_rejections()

    def receive(self, request: DeltaDiscoveryRequest) -> Rejection | None:
        """Takes in one message from Envoy; returns what it refused, named one by one. Unknown types are ignored."""
        watch = self._watches.get(request.type_url)
        if watch is None:
            return None
        # While clusters warm up, Envoy holds its question for clusters back, and asks for their endpoints only.
        warming = watch.type_url == ENDPOINTS and not self._watches[CLUSTER].greeted
        return watch.request(request, warming=warming)

    @property
    def rejections(self) -> Iterator[Rejection]:
        """What of the current config Envoy refused."""
        for watch in self._watches.values():
            yield from watch.rejected.values()

    @property
    def settled(self) -> bool:
        """Envoy has accepted or refused every resource of the current config, and asked for the routes and secrets.

        On a new stream it asks for one type after the other: with listeners settled, routes may still come.
        """
        if self._config is None or not all(watch.settled for watch in self._watches.values()):
            return False
        return not self._routes_will_be_asked_for(self._config) and not self._secrets_will_be_asked_for(self._config)

    def _routes_will_be_asked_for(self, config: Config) -> bool:
        """Envoy has listeners that need routes, and has not come to ask for these."""
        if self._watches[ROUTES].greeted or not config.resources[ROUTES]:
            return False
        known = config.resources[LISTENER]
        return any(_has_routes(known[name].message) for name in self._watches[LISTENER].held if name in known)

    def _secrets_will_be_asked_for(self, config: Config) -> bool:
        """Each has a user, who asks for it unless Envoy refused him."""
        refused = any(self._watches[type_url].rejected for type_url in (CLUSTER, LISTENER))
        return not refused and not config.resources[SECRET].keys() <= self._watches[SECRET].subscribed

    @property
    def warming_until(self) -> float:
        """When to ask for the next response, should Envoy not answer by then."""
        return self._warming_until

    def next(self, now: float) -> DeltaDiscoveryResponse | None:
        """What to send now, `now` in seconds of any steady clock; None: wait for Envoy, or for `warming_until`."""
        if self._config is None:
            return None
        response = self._clusters(now) or self._named(ENDPOINTS) or self._named(SECRET)
        if response or self._warming(now):
            return response
        return self._listeners() or self._routes() or self._removal()

    def _clusters(self, now: float) -> DeltaDiscoveryResponse | None:
        clusters = self._watches[CLUSTER]
        if not clusters.sendable:
            return None
        self._warming_until = now + WARMING_LIMIT_SECONDS
        response = clusters.upsert(self._nonce())
        self._watches[ENDPOINTS].owe(self._endpoint_names(resource.name for resource in response.resources))
        return response

    def _named(self, type_url: str) -> DeltaDiscoveryResponse | None:
        """Of types that Envoy asks for by name: who asks for what does not exist is told so, instead of waiting."""
        watch = self._watches[type_url]
        if watch.sendable:
            return watch.upsert(self._nonce())
        return watch.removal(self._nonce()) if watch.removals and not watch.flight else None

    def _warming(self, now: float) -> bool:
        clusters, endpoints = self._watches[CLUSTER], self._watches[ENDPOINTS]
        if clusters.made and endpoints.made:
            return False
        return now < self._warming_until or not clusters.greeted

    def _listeners(self) -> DeltaDiscoveryResponse | None:
        listeners = self._watches[LISTENER]
        return listeners.upsert(self._nonce()) if listeners.sendable else None

    def _routes(self) -> DeltaDiscoveryResponse | None:
        return None if self._watches[LISTENER].upserts else self._named(ROUTES)

    def _removal(self) -> DeltaDiscoveryResponse | None:
        if not all(watch.made for watch in self._watches.values()):
            return None
        for type_url in (LISTENER, CLUSTER):
            if self._watches[type_url].removals:
                return self._watches[type_url].removal(self._nonce())
        return None

    def _endpoint_names(self, clusters: Iterable[str]) -> Iterator[str]:
        assert self._config is not None
        for name in clusters:
            message = self._config.resources[CLUSTER][name].message
            if isinstance(message, Cluster) and message.type == Cluster.EDS:
                yield message.eds_cluster_config.service_name or name

    def _nonce(self) -> str:
        return str(next(self._nonces))


def _has_routes(listener: Message) -> bool:
    """Internal listeners carry their routes with them."""
    return isinstance(listener, Listener) and not listener.HasField("internal_listener")
