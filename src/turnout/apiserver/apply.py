"""Server-side apply: a manager says what it wants of an object, and what it no longer says goes.

The rules are those of Kubernetes' documentation ("Server-Side Apply") and of sigs.k8s.io/structured-merge-diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from turnout.apiserver.fields import SELF, Path, Paths, Tree, dotted, encoded, fields_of, items, prefixes
from turnout.apiserver.list_type import is_atomic_map
from turnout.apiserver.ownership import Author, Manager, Owned, Owners, stamp, without, written
from turnout.apiserver.status import Cause, apply_conflict
from turnout.resources.kinds import Kind

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Applied:
    """The object as it shall be, without `managedFields`, and these."""

    object: dict[str, Any]
    managed: list[dict[str, Any]]


def applied(
    kind: Kind,
    live: Mapping[str, Any],
    config: Mapping[str, Any],
    owners: Owners,
    author: Author,
    now: datetime,
    *,
    force: bool,
    status: bool = False,
) -> Applied:
    """Raises StatusError 409 where others own what would change, unless `force` takes it from them."""
    manager = Manager(author.name, "Apply", "status" if status else "")
    wanted = fields_of(kind, config, status=status)
    present = fields_of(kind, live, status=status)
    merged = _merged(kind, live, _told(config, status=status), ())
    after = fields_of(kind, merged, status=status)
    # An empty map is a leaf, and changes nothing where there is a full one.
    changed = {path for path in wanted if path in after and present.get(path, _ABSENT) != after[path]}
    others = {other: owned for other, owned in owners.items() if other != manager}
    conflicts = {other: clash for other, owned in others.items() if (clash := owned.paths & changed)}
    if conflicts and not force:
        raise apply_conflict(kind, live["metadata"]["name"], _causes(conflicts, others))
    others = without(others, changed)
    new = frozenset(wanted)
    last = owners[manager].paths if manager in owners else frozenset()
    kept = frozenset().union(*(owned.paths for owned in others.values()))
    result = _removed(kind, merged, encoded(_gone(last, new, kept)), ())
    return Applied(result, written({**others, manager: _owned(owners.get(manager), new, author, now)}))


def _told(config: Mapping[str, Any], *, status: bool) -> dict[str, Any]:
    """The part of the configuration that is applied: the metadata is merged too, save what is the server's."""
    if status:
        return {"status": config.get("status", {})}
    return {key: value for key, value in config.items() if key != "status"}


def _owned(old: Owned | None, new: Paths, author: Author, now: datetime) -> Owned:
    if old is not None and (old.paths, old.api_version) == (new, author.api_version):
        return old
    return Owned(new, author.api_version, stamp(now))


def _causes(conflicts: Mapping[Manager, Paths], others: Owners) -> list[Cause]:
    return [
        Cause("FieldManagerConflict", f'conflict with "{manager.name}"{_with(manager, others[manager])}', dotted(path))
        for manager, paths in conflicts.items()
        for path in sorted(paths)
    ]


def _with(manager: Manager, owned: Owned) -> str:
    subresource = f' with subresource "{manager.subresource}"' if manager.subresource else ""
    return subresource + (f" using {owned.api_version}" if manager.operation == "Update" else "")


def _merged(kind: Kind, live: Any, config: Any, names: Path) -> Any:
    if isinstance(live, Mapping) and isinstance(config, Mapping) and not (names and is_atomic_map(kind, names)):
        return {**live, **{key: _merged(kind, live.get(key), value, (*names, key)) for key, value in config.items()}}
    if isinstance(live, list) and isinstance(config, list):
        return _merged_list(kind, live, config, names)
    return config


def _merged_list(kind: Kind, live: Sequence[Any], config: Sequence[Any], names: Path) -> list[Any]:
    """In the configuration's order; what only the live list has stays behind what it stood behind."""
    old, new = items(kind, live, names), items(kind, config, names)
    if old is None or new is None:
        return list(config)
    order, before = list(new), -1
    for element in old:
        if element in new:
            before = order.index(element)
        else:
            before += 1
            order.insert(before, element)
    return [
        _merged(kind, old.get(element), new[element], names) if element in new else old[element] for element in order
    ]


def _gone(last: Paths, new: Paths, others: Paths) -> set[Path]:
    """What the manager has said and says no more, and nobody else does; of items that stay, not what names them."""
    stays = prefixes(new) | prefixes(others)
    gone = {path for path in last if path not in stays}
    return {path for path in gone if len(path) < 2 or path[:-1] in gone or not _is_key(path)}


def _is_key(path: Path) -> bool:
    item, field = path[-2], path[-1].removeprefix("f:")
    return item.startswith("k:") and field in json.loads(item[2:])


def _removed(kind: Kind, value: Any, tree: Tree, names: Path) -> Any:
    """Without the tree's members. A map or a list that this empties goes, too, save the `spec`."""
    if isinstance(value, Mapping):
        pairs = ((key, _left(kind, item, tree.get(f"f:{key}"), (*names, key))) for key, item in value.items())
        return {key: item for key, item in pairs if item is not _ABSENT}
    named = items(kind, value, names) if isinstance(value, list) else None
    if named is None:
        return value
    left = (_left(kind, item, tree.get(element), names) for element, item in named.items())
    return [item for item in left if item is not _ABSENT]


def _left(kind: Kind, value: Any, tree: Tree | None, names: Path) -> Any:
    if tree is None:
        return value
    if not tree or SELF in tree:
        return _ABSENT
    result = _removed(kind, value, tree, names)
    return result if result or not value or len(names) == 1 else _ABSENT
