"""Who acts, of several controllers: whoever holds the Lease, until it has not renewed it for a while.

The rules of client-go's leader election (k8s.io/client-go/tools/leaderelection): a Lease that somebody else holds is
taken only when it has not changed for its whole duration by the taker's own clock, so clocks need not agree; and
whoever could not renew it in time stops acting before anybody may take it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from turnout.client import Client
from turnout.error import ApiError
from turnout.resources.kinds import LEASE

NAME: Final = "turnout-controller"
EVERYWHERE: Final = "turnout-controller-all"
"""Names of Leases: of whoever acts in the Lease's own namespace, and of whoever acts in all the others."""
DURATION_SECONDS: Final = 15
RENEWED_SECONDS: Final = 10.0
"""So long after the last renewal its holder acts."""
RETRY_SECONDS: Final = 2.0

Lease = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A Lease as it was, and when it was first seen so: seconds on a clock that only goes on."""

    spec: Mapping[str, Any]
    since: float


class Election:
    """One candidate. For one thread, but for `holds`.

    `clock`: seconds that only go on; `wall`: what the Lease tells people, in unix seconds.
    """

    def __init__(
        self,
        client: Client,
        place: tuple[str, str],
        identity: str,
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """`place`: the Lease's namespace and name."""
        self._client = client
        self._namespace, self._name = place
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._seen: Seen | None = None
        self._renewed: float | None = None

    @property
    def holds(self) -> bool:
        """Whether this one may act, now."""
        return self._renewed is not None and self._clock() - self._renewed < RENEWED_SECONDS

    @property
    def holder(self) -> str:
        """Who had it when it was looked at last; empty: nobody."""
        return str(self._seen.spec.get("holderIdentity") or "") if self._seen else ""

    def run(self) -> bool:
        """Takes it, renews it, or sees that it is another's; whether it is ours. Raises what the client raises."""
        began = self._clock()
        lease = self._lease()
        taken = self._created() if lease is None else self._taken(lease)
        self._renewed = began if taken else None
        return taken

    def release(self) -> None:
        """Lets the next one in at once. Raises what the client raises."""
        self._renewed = None
        lease = self._lease()
        if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._identity:
            self._write(lease, {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})

    def _lease(self) -> Lease | None:
        try:
            return self._client.get(LEASE, self._namespace, self._name)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def _created(self) -> bool:
        spec = {**self._spec(), "leaseTransitions": 0}
        obj = {"metadata": {"namespace": self._namespace, "name": self._name}, "spec": spec}
        try:
            self._client.create(LEASE, {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **obj})
        except ApiError as error:
            if error.status != 409:  # somebody else was first
                raise
            return False
        self._seen = Seen(spec, self._clock())
        return True

    def _taken(self, lease: Lease) -> bool:
        spec = lease.get("spec") or {}
        if self._seen is None or self._seen.spec != spec:
            self._seen = Seen(spec, self._clock())
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self._identity) and self._clock() < self._seen.since + _duration(spec):
            return False
        new = self._spec()
        if holder == self._identity:
            new |= {"acquireTime": spec.get("acquireTime"), "leaseTransitions": spec.get("leaseTransitions", 0)}
        else:
            new |= {"leaseTransitions": (spec.get("leaseTransitions") or 0) + 1}
        return self._write(lease, new)

    def _write(self, lease: Lease, spec: Mapping[str, Any]) -> bool:
        """Whether nobody wrote since it was read."""
        try:
            self._client.replace(LEASE, {**lease, "spec": spec})
        except ApiError as error:
            if error.status != 409:
                raise
            return False
        self._seen = Seen(spec, self._clock())
        return True

    def _spec(self) -> dict[str, Any]:
        now = _written(self._wall())
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION_SECONDS,
            "acquireTime": now,
            "renewTime": now,
        }


def others(leases: Iterable[Lease], now: float) -> frozenset[str]:
    """The namespaces in which controllers act, by their Leases and as of `now` (unix seconds); "": in all."""
    held = [lease for lease in leases if _is_held(lease.get("spec") or {}, now)]
    own = {lease["metadata"]["namespace"] for lease in held if lease["metadata"]["name"] == NAME}
    everywhere = any(lease["metadata"]["name"] == EVERYWHERE for lease in held)
    return frozenset(own | {""} if everywhere else own)


def _is_held(spec: Mapping[str, Any], now: float) -> bool:
    try:
        renewed = datetime.fromisoformat(str(spec.get("renewTime")))
    except ValueError:
        return False
    until = renewed + timedelta(seconds=_duration(spec))
    return bool(spec.get("holderIdentity")) and datetime.fromtimestamp(now, UTC) < until


def _duration(spec: Mapping[str, Any]) -> int:
    return int(spec.get("leaseDurationSeconds") or DURATION_SECONDS)


def _written(unix_seconds: float) -> str:
    """Kubernetes' MicroTime."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
