"""Who has set which field (`metadata.managedFields`): what server-side apply finds conflicts by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from turnout.apiserver.fields import Path, Paths, decoded, encoded, fields_of
from turnout.resources.kinds import Kind

OURS: Final = "turnout"
"""The manager of what came from files, and of what Turnout itself writes."""

MAX_UPDATERS: Final = 10
"""As in Kubernetes: the oldest of more become one."""
ANCIENT: Final = "ancient-changes"

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, and with which of a kind's API versions. `name`: the `fieldManager` of the request.

    `strict`: fields that nobody knows refuse the write; else `warned` tells of them.
    """

    name: str
    api_version: str
    strict: bool = False
    warned: bool = True


@dataclass(frozen=True, slots=True)
class Manager:
    """What makes an entry of its own."""

    name: str
    operation: Literal["Apply", "Update"]
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns. `time`: when that last changed, in RFC 3339."""

    paths: Paths
    api_version: str
    time: str


Owners = Mapping[Manager, Owned]
Managed = list[dict[str, Any]]
"""As `metadata.managedFields` has it."""


def owners_of(kind: Kind, obj: Mapping[str, Any]) -> Owners:
    """Those in an object's metadata; where nobody has kept account, all is ours."""
    entries = obj["metadata"].get("managedFields")
    if not entries:
        everything = frozenset(fields_of(kind, obj, status=False))
        return {Manager(OURS, "Update"): Owned(everything, kind.api_version, obj["metadata"]["creationTimestamp"])}
    return read(entries)


def read(entries: Sequence[Mapping[str, Any]]) -> dict[Manager, Owned]:
    """`managedFields` as it stands in an object. Raises ValueError for another shape."""
    try:
        return dict(map(_entry, entries))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no managedFields: {error!r}") from error


def _entry(entry: Mapping[str, Any]) -> tuple[Manager, Owned]:
    operation = entry["operation"]
    if operation not in ("Apply", "Update"):
        raise ValueError(f"no operation: {operation!r}")
    manager = Manager(str(entry.get("manager", "")), operation, str(entry.get("subresource", "")))
    return manager, Owned(decoded(entry.get("fieldsV1", {})), str(entry["apiVersion"]), str(entry.get("time", "")))


def sent(entries: Any, known: Any) -> Owners | None:
    """What a writer says of it; None: nothing, or nothing new, or nothing that can be read. `[{}]` forgets everything.

    As in Kubernetes, which so lets kubectl take over what it once applied by itself.
    """
    if not entries or entries == known:
        return None
    if entries == [{}]:
        return {}
    try:
        return read(entries)
    except ValueError:
        return None


def written(owners: Owners) -> Managed:
    """As `managedFields`: appliers first, then by age."""
    ordered = sorted(owners.items(), key=lambda item: (item[0].operation, item[1].time, item[0].name))
    return [_shown(manager, owned) for manager, owned in ordered if owned.paths]


def _shown(manager: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {"manager": manager.name, "operation": manager.operation, "apiVersion": owned.api_version}
    entry |= {"time": owned.time, "fieldsType": "FieldsV1", "fieldsV1": encoded(owned.paths)}
    return entry | ({"subresource": manager.subresource} if manager.subresource else {})


def after_create(kind: Kind, obj: Mapping[str, Any], author: Author, now: datetime) -> Managed:
    """All that is there is its maker's."""
    owned = Owned(frozenset(fields_of(kind, obj, status=False)), author.api_version, stamp(now))
    return written({Manager(author.name, "Update"): owned})


def after_update(
    kind: Kind, live: Mapping[str, Any], obj: Mapping[str, Any], owners: Owners, author: Author, now: datetime,
    *, status: bool,
) -> Managed:  # fmt: skip
    """Whoever sets a field to something else has it from then on, alone; what is gone is nobody's."""
    before, after = (fields_of(kind, each, status=status) for each in (live, obj))
    changed = frozenset(path for path, value in after.items() if before.get(path, _ABSENT) != value)
    lost = changed | (before.keys() - after.keys())
    manager = Manager(author.name, "Update", "status" if status else "")
    return written(_bounded(given(without(owners, lost, keep=manager), manager, changed, author, now)))


def updated(
    kind: Kind, live: Mapping[str, Any], new: Mapping[str, Any], told: Any, author: Author | None, now: datetime
) -> Managed | None:
    """Who owns what after `new` has taken `live`'s place; None where that has not changed.

    `told`: the `managedFields` that the writer sent. What Turnout itself writes (no `author`) is put down only where
    somebody has begun to keep account.
    """
    known = live["metadata"].get("managedFields")
    owners = sent(told, known)
    if owners is None and (new == live or (author is None and known is None)):
        return None
    owners = owners_of(kind, live) if owners is None else owners
    return after_update(kind, live, new, owners, author or Author(OURS, kind.api_version), now, status=False)


def status_updated(
    kind: Kind, live: Mapping[str, Any], obj: Mapping[str, Any], author: Author | None, now: datetime
) -> Managed | None:
    """As `updated`, of the status."""
    if author is None or obj.get("status", {}) == live.get("status", {}):
        return None
    return after_update(kind, live, obj, owners_of(kind, live), author, now, status=True)


def without(owners: Owners, paths: Iterable[Path], *, keep: Manager | None = None) -> dict[Manager, Owned]:
    """Nobody but `keep` owns these any more."""
    lost = frozenset(paths)
    return {m: owned if m == keep else replace(owned, paths=owned.paths - lost) for m, owned in owners.items()}


def given(owners: Owners, manager: Manager, paths: Paths, author: Author, now: datetime) -> dict[Manager, Owned]:
    """The manager owns these as well."""
    old = owners.get(manager)
    if not paths or (old is not None and paths <= old.paths):
        return dict(owners)
    more = paths | (old.paths if old is not None else frozenset())
    return {**owners, manager: Owned(more, author.api_version, stamp(now))}


def _bounded(owners: Owners) -> Owners:
    updaters = sorted((m for m in owners if m.operation == "Update"), key=lambda m: owners[m].time)
    ancient = updaters[: max(0, len(updaters) - MAX_UPDATERS)]
    if not ancient:
        return owners
    paths = frozenset().union(*(owners[manager].paths for manager in ancient))
    last = owners[ancient[-1]]
    rest = {manager: owned for manager, owned in owners.items() if manager not in ancient}
    return {**rest, Manager(ANCIENT, "Update"): replace(last, paths=paths)}


def stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
