"""The loop: stand for election, and while elected look at every rollout."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnout.client import Client
from turnout.controller import election
from turnout.controller.election import Election
from turnout.controller.leader import LeaderClient
from turnout.controller.record import Record
from turnout.delivery.steering import Versions
from turnout.delivery.users import Users
from turnout.error import TurnoutError
from turnout.evidence.growth import Ask
from turnout.evidence.scraped import Scraped
from turnout.resources.kinds import LEASE
from turnout.rollout import engine
from turnout.rollout.hooks import Hooks, Outcome
from turnout.rollout.order import order_of
from turnout.rollout.shelf import ConfigMaps, Objects, Shelf
from turnout.rollout.site import Site

SETTLE_SECONDS: Final = 2.0
"""So long a new leader waits: an instance of Turnout that had not seen the Lease may still be at its look."""
GLANCE_SECONDS: Final = 1.0
"""From one look at what people want to the next; at the evidence it is looked less often."""
STUCK_SECONDS: Final = 120.0
"""A loop that has asked nothing for so long is no good any more: whoever started it shall start another."""
MOST_OUTCOMES: Final = 1000

Say = Callable[[str], None]
Open = Callable[[type[Client]], Client]
"""A new connection of its own, as this kind of client."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. `namespace`: whose rollouts; empty: of all, but where another controller acts.

    `lease_namespace`: where the Lease is, for all namespaces; for one it is in that. `look_seconds`: from one look at
    the evidence to the next: not shorter than Prometheus scrapes, for less brings nothing.
    """

    namespace: str
    lease_namespace: str
    identity: str
    look_seconds: float
    in_config_maps: bool = False

    @property
    def lease(self) -> tuple[str, str]:
        """Namespace and name."""
        if self.namespace:
            return self.namespace, election.NAME
        return self.lease_namespace, election.EVERYWHERE


class Controller:
    """`say` tells what is worth a line of a log. `clock`: seconds that only go on; `wall`: unix seconds."""

    def __init__(
        self,
        order: Order,
        connect: Open,
        ask: Ask,
        say: Say,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Raises what the client raises."""
        self._order = order
        self._say = say
        self._ask = ask
        self._clock = clock
        self._wall = wall
        self._outcomes: deque[Outcome] = deque(maxlen=MOST_OUTCOMES)
        self._hooks = Hooks(Path(), {}, self._outcomes.append)
        client = connect(LeaderClient)
        assert isinstance(client, LeaderClient)
        self._client = client
        self._own = connect(Client)
        self._candidate = Election(self._own, order.lease, order.identity, clock, wall)
        self._client.leads = lambda: self._candidate.holds
        self._client.calls = self._alive
        self._alive_at = clock()
        self._of_lease, self._of_looks = _Complaints(say), _Complaints(say)
        self._leads_since: float | None = None
        self._looked: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set; then the Lease is given back."""
        standing = threading.Thread(target=self._stand_again, args=(stop,), name="election", daemon=True)
        standing.start()
        while not stop.wait(GLANCE_SECONDS):
            self.round()
        standing.join(election.RETRY_SECONDS * 2)
        self.close()

    def close(self) -> None:
        """Whoever waits for the Lease has it at once."""
        self._hooks.close()
        try:
            self._candidate.release()
        except TurnoutError as error:
            self._say(f"the Lease is not given back: {error.message}")
        for client in (self._client, self._own):
            client.close()

    # --- the election, in a thread of its own

    def _stand_again(self, stop: threading.Event) -> None:
        was = None
        while not stop.is_set():
            if self._clock() - self._alive_at > STUCK_SECONDS:
                self._say(f"nothing has been asked for {STUCK_SECONDS:g} s: this controller is stuck, and ends")
                os._exit(1)
            now = self.stand(), self._candidate.holder
            if now != was:
                self._say("leading" if now[0] else f"waiting: {now[1] or 'nobody'} leads")
            was = now
            stop.wait(election.RETRY_SECONDS)

    def stand(self) -> bool:
        """For election, or to stay elected; whether this one leads."""
        try:
            self._candidate.run()
            self._of_lease.none()
        except TurnoutError as error:
            self._of_lease.one(f"the Lease cannot be had: {error.message}")
        return self._candidate.holds

    # --- one look

    def round(self) -> None:
        """A look at what people want, as leader; and at the evidence, if it is time for that."""
        self._alive()
        now = self._clock()
        if not self._candidate.holds:
            self._leads_since = None
            return
        self._leads_since = now if self._leads_since is None else self._leads_since
        if now - self._leads_since < SETTLE_SECONDS:
            return
        due = self._looked is None or now - self._looked >= self._order.look_seconds
        try:
            self._look(due=due)
            self._of_looks.none()
        except TurnoutError as error:
            self._of_looks.one(error.message + (f" ({error.hint})" if error.hint else ""))
        if due:
            self._looked = now

    def _alive(self) -> None:
        self._alive_at = self._clock()

    def _look(self, *, due: bool) -> None:
        kept = ConfigMaps(self._client) if self._order.in_config_maps else Objects(self._client)
        if due or any(_is_urgent(obj) for obj in kept.list(self._order.namespace)):
            self._tell_outcomes(Record(kept))
            engine.tick(self._site(kept), self._aside())

    def _aside(self) -> frozenset[str]:
        """Where other controllers act, seen by one for all namespaces; each of the others has its own alone."""
        if self._order.namespace:
            return frozenset()
        leases = self._client.list(LEASE)["items"]
        return election.others((each for each in leases if each["metadata"]["name"] == election.NAME), self._wall())

    def _site(self, kept: Shelf) -> Site:
        return Site(
            client=self._client,
            source=Scraped(self._client, self._ask),
            history=Record(kept),
            tell=self._hooks.offer,
            users=_nobody,
            clock=self._wall,
            instance=None,
            namespace=self._order.namespace,
            shelf=kept,
        )

    def _tell_outcomes(self, record: Record) -> None:
        """Of hooks that were told there is nothing to say."""
        while self._outcomes:
            outcome = self._outcomes.popleft()
            if outcome.failure:
                event = {"at": round(self._wall(), 3), "what": "hook", "step": outcome.step, "text": outcome.text}
                record.tell(outcome.namespace, outcome.rollout, event)


class _Complaints:
    """Each is told once, until there is another or none: what fails is tried again each second."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._last = ""

    def one(self, text: str) -> None:
        if text != self._last:
            self._say(text)
        self._last = text

    def none(self) -> None:
        self._last = ""


def _is_urgent(obj: Mapping[str, Any]) -> bool:
    """Somebody ordered something, or wants a rollout that has not begun."""
    return order_of(obj) is not None or not (obj.get("status") or {}).get("phase")


def _nobody(name: str, versions: Versions, until: float | None = None) -> Users:
    """Splits are not sticky on a cluster."""
    return Users()
