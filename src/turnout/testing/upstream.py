"""The stand-ins of one version of a service: told how to answer, and asked what they received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from turnout.testing.engine import Engine
from turnout.testing.received import Received
from turnout.testing.stand_in import Behaviour, StandIn


class Upstream:
    """Whatever is told holds from the next request on, until the test ends."""

    def __init__(self, engine: Engine, stand_ins: Sequence[StandIn]) -> None:
        self._engine = engine
        self._stand_ins = stand_ins

    def answers(
        self,
        status: int = 200,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        after_seconds: float = 0.0,
    ) -> None:
        """Without a body, the answer says as JSON who gave it, and what had arrived."""
        content = body.encode() if isinstance(body, str) else body
        self._behave(Behaviour(status, content, dict(headers or {}), after_seconds))

    def refuses(self) -> None:
        """Connections are refused, as if nothing ran."""
        self._behave(Behaviour(refuses=True))

    def hangs_up(self) -> None:
        """Connections end without an answer."""
        self._behave(Behaviour(hangs_up=True))

    @property
    def received(self) -> list[Received]:
        """Every request since the test began, in order of arrival, retries too; without copies."""
        return [received for received in self._all() if not received.mirrored]

    @property
    def mirrored(self) -> list[Received]:
        """The copies."""
        return [received for received in self._all() if received.mirrored]

    def _all(self) -> list[Received]:
        """Once nothing is under way any more: copies arrive later than the answer of what they copy."""
        self._engine.settle()
        found = [received for stand_in in self._stand_ins for received in list(stand_in.received.values())]
        return sorted(found, key=lambda received: received.at_seconds)

    def _behave(self, behaviour: Behaviour) -> None:
        for stand_in in self._stand_ins:
            self._engine.call(stand_in.behave(behaviour))
