"""Who met which version of a split: users are told apart by a hash, and counted.

At most MOST_USERS are kept. When there are more, every second hash is let go, again and again, and what is left stands
for all: M. Wegman's adaptive sampling (P. Flajolet, "On adaptive sampling", Computing 43, 1990), whose error with at
least half of MOST_USERS kept is about 0.5 % of the users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

MOST_USERS = 100_000
SPREAD_SECONDS = 1.0
"""So long after a weight has changed it is not yet in force in each of Envoy's threads."""

STABLE, CANDIDATE, BACK = 1, 2, 4
"""What is kept of a user: what it has met, and whether it met stable again after the candidate."""


class Meeting(NamedTuple):
    """One request. `user`: its key, b"" without one. `began`: unix seconds. `cluster`: where it was sent."""

    user: bytes
    cluster: str
    began: float


@dataclass(frozen=True, slots=True)
class Users:
    """How many. `stable` and `candidate`: met it, and perhaps the other one too; `both`: of those; `back`: of those.

    `sampled`: so many users stand behind each that is kept; 1: all are. `without_key`: requests that none can be told
    of. `untold`: requests that Envoy could not get rid of, whose users may be missing.
    """

    seen: int = 0
    stable: int = 0
    candidate: int = 0
    both: int = 0
    back: int = 0
    sampled: int = 1
    without_key: int = 0
    untold: int = 0


class Tally:
    """The users of one rollout. `secret`: 16 bytes or more, by chance, so that a hash tells nobody the key."""

    def __init__(
        self, secret: bytes, met: Mapping[int, int] | None = None, *, mask: int = 0, without_key: int = 0
    ) -> None:
        """`met`: what an earlier tally with the same secret told as its `news`; `mask` and `without_key`: the same."""
        self.without_key = without_key
        self._secret = secret
        self._stable: dict[int, float] = {}
        """When each user's latest request to stable began."""
        self._candidate: dict[int, float] = {}
        """When each user's first one to the candidate did."""
        self._both = 0
        self._back: set[int] = set()
        self._news: set[int] = set()
        self._mask = mask
        for user, what in (met or {}).items():
            self._recall(user, what)

    def _recall(self, user: int, what: int) -> None:
        """When it was is forgotten: all that comes is later."""
        if user & self._mask:
            return
        if what & STABLE:
            self._stable[user] = 0.0
        if what & CANDIDATE:
            self._candidate[user] = 0.0
        if what & BACK:
            self._back.add(user)
        self._both += what & (STABLE | CANDIDATE) == STABLE | CANDIDATE
        self._bound()

    def met(self, key: bytes, began: float, *, candidate: bool) -> None:
        """One request that was sent to one of the two, in any order. `key`: b"" of nobody; `began`: unix seconds."""
        if not key:
            self.without_key += 1
            return
        user = hashed(key, self._secret)
        if user & self._mask:
            return
        mine, other = (self._candidate, self._stable) if candidate else (self._stable, self._candidate)
        known = mine.get(user)
        mine[user] = began if known is None else (min if candidate else max)(began, known)
        if known is None:
            self._both += user in other
            self._news.add(user)
        if user in other and self._went_back(user):
            self._back.add(user)
            self._news.add(user)
        if known is None:
            self._bound()

    def _went_back(self, user: int) -> bool:
        return user not in self._back and self._stable[user] > self._candidate[user] + SPREAD_SECONDS

    def _bound(self) -> None:
        """While they are too many, half of the users are let go: those whose hash has the next bit."""
        while self._kept > MOST_USERS:
            self._mask = self._mask << 1 | 1
            self._stable = {user: at for user, at in self._stable.items() if not user & self._mask}
            self._candidate = {user: at for user, at in self._candidate.items() if not user & self._mask}
            self._both = len(self._stable.keys() & self._candidate.keys())
            self._back = {user for user in self._back if not user & self._mask}
            self._news = {user for user in self._news if not user & self._mask}

    @property
    def _kept(self) -> int:
        return len(self._stable) + len(self._candidate) - self._both

    @property
    def mask(self) -> int:
        """Users with one of these bits in their hash have been let go."""
        return self._mask

    def news(self) -> dict[int, int]:
        """By hash, all that is known of users of whom more is known than at the last question."""
        news, self._news = self._news, set()
        return {user: self._what(user) for user in news}

    def _what(self, user: int) -> int:
        met = STABLE * (user in self._stable) | CANDIDATE * (user in self._candidate)
        return met | BACK * (user in self._back)

    @property
    def users(self) -> Users:
        """As far as it was told; `untold` is not known here."""
        each = self._mask + 1
        return Users(
            seen=each * self._kept,
            stable=each * len(self._stable),
            candidate=each * len(self._candidate),
            both=each * self._both,
            back=each * len(self._back),
            sampled=each,
            without_key=self.without_key,
        )


def hashed(key: bytes, secret: bytes) -> int:
    """64 bits with a sign, as SQLite keeps them."""
    return int.from_bytes(blake2b(key, digest_size=8, key=secret).digest(), signed=True)
