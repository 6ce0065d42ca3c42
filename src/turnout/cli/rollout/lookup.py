"""Which Rollout a command is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.error import ApiError, TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.rollout.shelf import Shelf

Object = Mapping[str, Any]
"""A Rollout as the API carries it."""

ENDED = frozenset({"finished", "aborted", "refused"})


@dataclass(frozen=True, slots=True)
class Kept:
    """The Rollouts that a command may be about.

    `namespace`: where names are looked for; `within`: where all are listed from, empty for all namespaces.
    """

    shelf: Shelf
    namespace: str
    within: str = ""


def kept(client: Client, namespace: str | None) -> Kept:
    """Of an instance all; of a cluster those of a namespace: who sees one may not see others. Raises ApiError."""
    from turnout.rollout.shelf import Objects, shelf

    chosen = namespace or client.namespace
    return Kept(Objects(client), chosen) if client.acknowledges else Kept(shelf(client), chosen, chosen)


def phase(obj: Object) -> str:
    """Empty before the engine has seen it."""
    return str((obj.get("status") or {}).get("phase") or "")


def under_way(obj: Object) -> bool:
    """Whether it may still change something: also before the engine has seen it."""
    return phase(obj) not in ENDED


def host(obj: Object) -> str:
    """The service's full name."""
    from turnout.mesh.names import fqdn

    return fqdn(str(obj["spec"]["service"]), obj["metadata"]["namespace"])


def title(obj: Object) -> str:
    """Its name, with the namespace where that is not `default`."""
    meta = obj["metadata"]
    return str(meta["name"] if meta["namespace"] == "default" else f"{meta['namespace']}/{meta['name']}")


def every(rollouts: Kept) -> list[Object]:
    """Those under way first, then the last that began."""
    return sorted(rollouts.shelf.list(rollouts.within), key=lambda obj: (not under_way(obj), -_began(obj), title(obj)))


def get(rollouts: Kept, name: str, namespace: str = "") -> Object:
    """Raises TurnoutError with the names that there are."""
    namespace = namespace or rollouts.namespace
    try:
        return rollouts.shelf.get(namespace, name)
    except ApiError as error:
        if error.status != 404:
            raise
        raise TurnoutError(f"no Rollout {namespace}/{name}", _hint([*map(title, every(rollouts))])) from error


def only(rollouts: Kept, name: str | None) -> Object:
    """The one of this name; without a name, the only one under way. Raises TurnoutError where that is not one."""
    if name:
        return get(rollouts, name)
    found = [obj for obj in every(rollouts) if under_way(obj)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise TurnoutError("no rollout is under way", "`turnout rollout status` shows those that have ended")
    raise TurnoutError(f"{len(found)} rollouts are under way", f"name one: {', '.join(map(title, found))}")


def rivals(rollouts: Kept, wanted: Object) -> Iterator[Object]:
    """Those under way that move the same service."""
    yield from (obj for obj in every(rollouts) if under_way(obj) and host(obj) == host(wanted))


def plain(obj: Object) -> dict[str, Any]:
    """As the view `rollouts` has it: without what only the engine reads."""
    meta = obj["metadata"]
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "engine"}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "spec": obj["spec"],
        "status": status,
    }


def _began(obj: Object) -> float:
    return float((obj.get("status") or {}).get("startedAt") or 0)


def _hint(names: Sequence[str]) -> str:
    return f"there are: {', '.join(names[:10])}" if names else "start one with `turnout rollout start`"
