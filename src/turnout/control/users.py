"""Who met which version of a sticky split, for the rollouts under way: told by Envoy, asked for by the engine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from turnout.database import Database
from turnout.delivery.steering import Versions
from turnout.delivery.users import Meeting, Tally, Users
from turnout.error import StateBroken
from turnout.mesh.names import parse_cluster
from turnout.rollout.user_record import SECRET_BYTES, USERS, UserRecord
from turnout.xds.access import AccessLogService

UNASKED_SECONDS = 300.0
"""A tally that nobody has asked for so long is forgotten, on the disk too."""


@dataclass(slots=True)
class _Counted:
    versions: Versions
    tally: Tally
    asked: float
    until: float = float("inf")
    """Unix seconds: requests that began later do not count."""
    untold: int = 0
    unsaved: dict[int, int] = field(default_factory=dict)


class UserCounts:
    """The engine's thread asks, and writes to the disk; the loop's thread takes what Envoy tells."""

    def __init__(self, path: Path, requests: AccessLogService, clock: Callable[[], float] = time.monotonic) -> None:
        """`path`: of the database, made when something is to be written."""
        self._path = path
        self._requests = requests
        self._clock = clock
        self._lock = Lock()
        self._counted: dict[str, _Counted] = {}
        self._where: dict[str, tuple[_Counted, bool] | None] = {}
        """By cluster: whose candidate (True) or stable it is."""
        self._database: Database | None = None
        self._tidied = clock()

    # --- in the loop's thread

    @property
    def counting(self) -> bool:
        """Whether there is somebody to be counted."""
        return bool(self._counted)

    def take(self, meetings: Sequence[Meeting]) -> None:
        """Each counts for the rollout of its service, if that is under way."""
        with self._lock:
            for user, cluster, began in meetings:
                if cluster not in self._where:
                    self._where[cluster] = self._whose(cluster)
                if (found := self._where[cluster]) and began <= found[0].until:
                    found[0].tally.met(user, began, candidate=found[1])

    def _whose(self, name: str) -> tuple[_Counted, bool] | None:
        cluster = parse_cluster(name)
        for counted in self._counted.values():
            versions = counted.versions
            if cluster and cluster.host == versions.host and cluster.subset in (versions.stable, versions.candidate):
                return counted, cluster.subset == versions.candidate
        return None

    def untold(self, requests: int) -> None:
        """So many more were dropped; whose they were, nobody knows."""
        with self._lock:
            for counted in self._counted.values():
                counted.untold += requests

    # --- in the engine's thread

    def count(self, name: str, versions: Versions, until: float | None = None) -> Users:
        """From the first question on, and what an earlier process had counted under this name.

        `until`: nobody counts who comes later than this (unix seconds).
        """
        counted = self._counted.get(name) or self._begin(name, versions)
        with self._lock:
            counted.asked = self._clock()
            counted.until = until or counted.until
            counted.unsaved |= counted.tally.news()
            users = replace(counted.tally.users, untold=counted.untold)
        if until is None:  # the end is not to wait for a disk
            self._save(name, counted)
        return users

    def _begin(self, name: str, versions: Versions) -> _Counted:
        try:
            tally = self._record.tally(name)
        except StateBroken:  # shown elsewhere; then this lives as long as the process
            tally = Tally(secrets.token_bytes(SECRET_BYTES))
        counted = _Counted(versions, tally, self._clock())
        with self._lock:
            self._counted = {**self._counted, name: counted}
            self._where = {}
        self._requests.counters.add(self.take)
        return counted

    def _save(self, name: str, counted: _Counted) -> None:
        news, tally = counted.unsaved, counted.tally
        if news:
            with suppress(StateBroken):
                self._record.save(name, news, tally.mask, tally.without_key)
                counted.unsaved = {}

    def tidy(self, *, none_left: bool) -> None:
        """`none_left`: there are no rollouts; else whoever was not asked for lately is forgotten."""
        since = self._clock() - UNASKED_SECONDS
        if none_left or self._tidied < since:
            self._tidied = self._clock()
            self._keep({} if none_left else {name: c for name, c in self._counted.items() if c.asked >= since})

    def _keep(self, counted: dict[str, _Counted]) -> None:
        with self._lock:
            self._counted, self._where = counted, {}
        if not counted:
            self._requests.counters.discard(self.take)
        if self._path.exists():
            with suppress(StateBroken):
                self._record.keep(counted)

    @property
    def _record(self) -> UserRecord:
        if self._database is None:
            self._database = Database(self._path, (USERS,))
        return UserRecord(self._database)

    def close(self) -> None:
        """What Envoy tells later is not heard."""
        self._requests.counters.discard(self.take)
        if self._database is not None:
            self._database.close()
            self._database = None
