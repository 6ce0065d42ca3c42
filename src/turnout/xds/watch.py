"""What Envoy has of one type of resource on one stream, and what it still lacks. No clock, no socket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from turnout.compiler.config import CLUSTER, LISTENER, Versioned

WILDCARD = (CLUSTER, LISTENER)
"""Envoy takes whatever there is of these; of the others it names what it wants."""
MAX_BATCH = 1 << 16
"""Resources in one response; see `Watch.limit`."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Envoy refused resources, and goes on with what it had. `version` is the content hash that it refused."""

    type_url: str
    names: tuple[str, ...]
    detail: str
    version: str


@dataclass(frozen=True, slots=True)
class Flight:
    """A response that Envoy has not answered yet; a version of None stands for absence."""

    nonce: str
    before: Mapping[str, str | None]
    sent: Mapping[str, str | None]


class Watch:
    """One type on one stream. At most one response is in flight; what changes meanwhile is sent after its answer.

    `held` is what Envoy has, once it accepts what is in flight. `owed` are names to be sent even if Envoy has that
    version: it asked for them again, or a cluster of theirs is warming up.
    """

    def __init__(self, type_url: str) -> None:
        self.type_url = type_url
        self.wildcard = type_url in WILDCARD
        self.greeted = False
        self.unanswered = False
        self.flight: Flight | None = None
        self.held: dict[str, str] = {}
        self.rejected: dict[str, Rejection] = {}
        self.subscribed: set[str] = set()
        self.owed: set[str] = set()
        self.limit = MAX_BATCH
        self.upserts: set[str] = set()
        self.removals: set[str] = set()
        self._wanted: Mapping[str, Versioned] = {}

    @property
    def sendable(self) -> bool:
        """Envoy waits for this type, and there is something to say."""
        return self.greeted and self.flight is None and bool(self.upserts or self.unanswered)

    @property
    def made(self) -> bool:
        """Envoy has all that it lacked: what refers to it may be sent."""
        return not (self.flight or self.upserts or self.unanswered)

    @property
    def settled(self) -> bool:
        """Nothing is in flight, and nothing is left to send; of types asked for by name, Envoy may want nothing."""
        return self.made and not self.removals and (self.greeted or not self.wildcard)

    def aim(self, wanted: Mapping[str, Versioned]) -> None:
        """From now on Envoy shall have `wanted`."""
        before, self._wanted = self._wanted, wanted
        for name in [name for name, rejection in self.rejected.items() if self._is_stale(name, rejection)]:
            del self.rejected[name]
        self._compare(_changed(before, wanted))

    def _is_stale(self, name: str, rejection: Rejection) -> bool:
        return name not in self._wanted or self._wanted[name].version != rejection.version

    def forget_rejections(self) -> None:
        """Tries again what Envoy refused: a port may be free by now."""
        freed, self.rejected = self.rejected, {}
        self._compare(freed)

    def request(self, request: DeltaDiscoveryRequest, *, warming: bool = False) -> Rejection | None:
        """Takes in a subscription, an answer, or both; returns what Envoy refused, once it is clear which resource.

        `warming`: the stream is new but Envoy waits for this type, so that equal versions are no reason to be silent.
        """
        first, self.greeted = not self.greeted, True
        if first:
            self.held = dict(request.initial_resource_versions)
            self.unanswered = self.wildcard and not self.held  # a fresh Envoy waits even for "there is nothing"
        known = self.held.keys() if first and not warming else ()
        self._subscribe(request.resource_names_subscribe, known)
        self._unsubscribe(request.resource_names_unsubscribe)
        rejection = None
        touched = {*request.resource_names_subscribe, *request.resource_names_unsubscribe}
        if self.flight and request.response_nonce == self.flight.nonce:
            touched.update(self.flight.sent)
            rejection = self._land(self.flight, request)
        self._compare({*self._wanted, *self.held, *touched} if first else touched)
        return rejection

    def _subscribe(self, names: Iterable[str], known: Iterable[str]) -> None:
        if not self.wildcard:
            self.subscribed.update(names)
            self.owed.update(set(names).difference(known))

    def _unsubscribe(self, names: Iterable[str]) -> None:
        for name in () if self.wildcard else names:
            self.subscribed.discard(name)
            self.owed.discard(name)
            self.held.pop(name, None)

    def _land(self, flight: Flight, request: DeltaDiscoveryRequest) -> Rejection | None:
        self.flight = None
        if not request.HasField("error_detail"):
            self.limit = min(self.limit * 2, MAX_BATCH)
            return None
        if not any(flight.sent.values()):  # a removal: asking again would change nothing
            return self._rejection(flight, request.error_detail.message)
        self._roll_back(flight)
        if len(flight.sent) > 1:  # one bad resource spoils the response: halve it, until it stands alone
            self.limit = len(flight.sent) // 2
            return None
        self.limit = min(self.limit * 2, MAX_BATCH)
        return self._refuse(self._rejection(flight, request.error_detail.message))

    def _rejection(self, flight: Flight, detail: str) -> Rejection:
        return Rejection(self.type_url, tuple(flight.sent), detail, next(iter(flight.sent.values()), None) or "")

    def _roll_back(self, flight: Flight) -> None:
        """Envoy may have applied a part of what it refused, so that "nothing before" becomes "some version"."""
        for name, version in flight.before.items():
            if self.wildcard or name in self.subscribed:
                self.held[name] = version or ""
                self.owed.add(name)

    def _refuse(self, rejection: Rejection) -> Rejection:
        for name in rejection.names:
            self.owed.discard(name)
            if not self._is_stale(name, rejection):
                self.rejected[name] = rejection
        return rejection

    def _compare(self, names: Iterable[str]) -> None:
        """What of these Envoy lacks, or shall have no more; of all others that is known."""
        gone = self.held if self.wildcard else self.owed  # of the others, Envoy itself forgets what nothing refers to
        for name in names:
            _put(self.upserts, name, isin=name in self._wanted and self._lacks(name))
            _put(self.removals, name, isin=name not in self._wanted and name in gone)

    def _lacks(self, name: str) -> bool:
        if name in self.rejected or not (self.wildcard or name in self.subscribed):
            return False
        return name in self.owed or self.held.get(name) != self._wanted[name].version

    def owe(self, names: Iterable[str]) -> None:
        """Sends them again, if Envoy watches them: a modified cluster warms up until its endpoints arrive anew."""
        owed = self.subscribed.intersection(names)
        self.owed |= owed
        self._compare(owed)

    def upsert(self, nonce: str) -> DeltaDiscoveryResponse:
        """The next response with what Envoy lacks."""
        names = list(islice((name for name in self._wanted if name in self.upserts), self.limit))
        response = DeltaDiscoveryResponse(type_url=self.type_url, nonce=nonce)
        for name in names:
            wanted = self._wanted[name]
            resource = response.resources.add(name=name, version=wanted.version)
            resource.resource.type_url, resource.resource.value = self.type_url, wanted.content
        self._launch(nonce, {name: self._wanted[name].version for name in names})
        self.upserts.difference_update(names)
        self.unanswered = False
        return response

    def removal(self, nonce: str) -> DeltaDiscoveryResponse:
        """The response that takes away what is wanted no more, or says that what Envoy asked for does not exist."""
        names = [name for name in (self.held if self.wildcard else self.owed) if name in self.removals]
        self.removals.clear()
        self._launch(nonce, dict.fromkeys(names))
        return DeltaDiscoveryResponse(type_url=self.type_url, nonce=nonce, removed_resources=names)

    def _launch(self, nonce: str, sent: Mapping[str, str | None]) -> None:
        assert self.flight is None, "one response of a type at a time"
        self.flight = Flight(nonce, {name: self.held.get(name) for name in sent}, sent)
        for name, version in sent.items():
            self.owed.discard(name)
            if version is None:
                self.held.pop(name, None)
            else:
                self.held[name] = version


def _put(names: set[str], name: str, *, isin: bool) -> None:
    if isin:
        names.add(name)
    else:
        names.discard(name)


def _changed(old: Mapping[str, Versioned], new: Mapping[str, Versioned]) -> list[str]:
    """What has not changed is the same object, mostly."""
    if old is new:
        return []
    if len(old) == len(new) and list(old) == list(new):
        return [name for name, was, now in zip(new, old.values(), new.values(), strict=True) if was is not now]
    return [*(name for name, now in new.items() if old.get(name) is not now), *(old.keys() - new.keys())]
