"""What somebody wants a route to be, and has not confirmed yet: weights and a mirror. What they left alone follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from turnout.delivery.weights import HUNDRED, balanced


@dataclass(slots=True)
class Weights:
    """Percents of one route's destinations: as they are, and as they are wanted. Both total 100."""

    live: Sequence[Decimal]
    wanted: Sequence[Decimal] = ()
    touched: list[int] = field(default_factory=list)
    """Positions that were moved, the last one last."""
    overtaken: bool = False
    """Somebody else changed them meanwhile."""

    def __post_init__(self) -> None:
        self.wanted = self.wanted or self.live

    @property
    def changed(self) -> bool:
        return bool(self.touched) and list(self.wanted) != list(self.live)

    def move(self, at: int, percent: Decimal) -> None:
        """One is moved. Those moved before it stay, as long as there is another that can take the difference."""
        self.touched = [position for position in self.touched if position != at] + [at]
        fixed = {at: percent}
        for other in reversed(self.touched[:-1]):
            more = {**fixed, other: self.wanted[other]}
            if len(more) == len(self.live) or sum(more.values()) > HUNDRED:
                break
            fixed = more
        self.wanted = balanced(self.live, fixed)

    def follow(self, live: Sequence[Decimal]) -> None:
        """They are now so."""
        if list(live) == list(self.live):
            return
        self.live = live
        self.overtaken = self.changed
        if not self.changed:
            self.discard()

    def discard(self) -> None:
        """As they are is as they are wanted."""
        self.wanted, self.touched, self.overtaken = self.live, [], False


@dataclass(frozen=True, slots=True)
class Copies:
    """Where copies go; `to` is host and subset, None: nowhere. `methods` empty: all methods."""

    to: tuple[str, str] | None = None
    percent: Decimal = HUNDRED
    methods: tuple[str, ...] = ()


@dataclass(slots=True)
class Mirror:
    """Copies of one route's requests: as they are, and as they are wanted."""

    live: Copies
    wanted: Copies = Copies()
    touched: bool = False
    overtaken: bool = False

    def __post_init__(self) -> None:
        self.wanted = self.live

    @property
    def changed(self) -> bool:
        return self.touched and self.wanted != self.live

    def want(self, copies: Copies) -> None:
        self.wanted, self.touched = copies, True

    def follow(self, live: Copies) -> None:
        """They are now so."""
        if live == self.live:
            return
        self.live = live
        self.overtaken = self.changed
        if not self.changed:
            self.discard()

    def discard(self) -> None:
        """As it is is as it is wanted."""
        self.wanted, self.touched, self.overtaken = self.live, False, False


def percent_words(percent: Decimal) -> str:
    """`50`, `0.1`: without needless zeros."""
    text = f"{percent:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
