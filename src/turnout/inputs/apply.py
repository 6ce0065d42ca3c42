"""What a change of the files means for the live objects: the last-applied rule. Pure.

Each live object that came from a file says so in two annotations: where from, and what the file said then. A file that
still says the same sends nothing, whatever was shifted meanwhile; a changed one moves only the fields it changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from turnout.inputs.align import canonical, same
from turnout.inputs.drift import Difference, differences
from turnout.inputs.merge import ABSENT, merge
from turnout.resources.kinds import KINDS, Kind, by_api_version

SOURCE: Final = "turnout.dev/source"
"""`<absolute path of the file>#<index of the document in it>`."""

LAST_APPLIED: Final = "turnout.dev/last-applied"
"""The file's object when it was last applied, as compact JSON."""

BOOKKEEPING: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
"""The server's own metadata. In a file (copied from `kubectl get -o yaml`) it says nothing."""

NOTES: Final = (
    SOURCE,
    LAST_APPLIED,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
)
"""Annotations that programs leave for themselves."""

MAPS: Final = ("annotations", "labels")
"""Metadata that many write into: an empty one means no more than an absent one."""

Key = tuple[Kind, str, str]


@dataclass(frozen=True, slots=True)
class Create:
    """The object, complete with its annotations."""

    object: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Patch:
    """`object` is the whole live object as it shall be; its resourceVersion guards against a change in between.

    `fields_changed` is False where only the annotations move on, so that nobody need be told.
    """

    kind: Kind
    namespace: str
    name: str
    object: dict[str, Any]
    fields_changed: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """The object came from a file, and is in none any more."""

    kind: Kind
    namespace: str
    name: str


Action = Create | Patch | Delete


def with_source(obj: Mapping[str, Any], source: str) -> dict[str, Any]:
    """A copy that says where it comes from."""
    return _annotated(content(obj), {SOURCE: source})


def source_of(obj: Mapping[str, Any]) -> tuple[str, int] | None:
    """File and document index that a live object came from; None when it came from no file."""
    file, separator, index = _annotations(obj).get(SOURCE, "").rpartition("#")
    return (file, int(index)) if separator and index.isdecimal() else None


def last_applied(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the file said when it was last applied; None when no file did, or somebody spoiled the annotation."""
    try:
        value = json.loads(_annotations(obj).get(LAST_APPLIED, "null"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def content(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object as a user means it: without status, the server's bookkeeping and Turnout's annotations."""
    meant = {key: value for key, value in obj.items() if key != "status"}
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        return meant
    kept = {key: value for key, value in metadata.items() if key not in BOOKKEEPING}
    kept["annotations"] = {key: value for key, value in _annotations(obj).items() if key not in NOTES}
    return {**meant, "metadata": {key: value for key, value in kept.items() if key not in MAPS or value}}


def plan(
    objects: Sequence[Mapping[str, Any]],
    live: Sequence[Mapping[str, Any]],
    *,
    broken: Collection[str] = (),
) -> list[Action]:
    """What to do so that the live objects follow the files' (`objects`, which carry `SOURCE`), in the order to do it.

    `broken` names files that cannot be used as they are (as in `SOURCE`, without the index): what came from them stays.
    Objects of kinds that Turnout does not know are left alone.
    """
    wanted = {key: obj for obj in objects if (key := key_of(obj))}
    present = {key: obj for obj in live if (key := key_of(obj))}
    actions = (_action(key, wanted[key], present.get(key)) for key in sorted(wanted, key=_rank))
    gone = (key for key in sorted(present, key=_rank, reverse=True) if key not in wanted)
    return [
        *(action for action in actions if action is not None),
        *(Delete(*key) for key in gone if _is_gone(present[key], broken)),
    ]


def drift(obj: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Where the live object is not what the file says (weights shifted since, for example)."""
    return differences(content(obj), content(live))


def key_of(obj: Mapping[str, Any]) -> Key | None:
    """What makes two objects the same object; the API version is no part of it."""
    kind = by_api_version(str(obj.get("apiVersion", "")), str(obj.get("kind", "")))
    metadata = obj.get("metadata")
    if kind is None or not isinstance(metadata, Mapping):
        return None
    return kind, str(metadata.get("namespace") or "") if kind.namespaced else "", str(metadata.get("name") or "")


def _rank(key: Key) -> int:
    return KINDS.index(key[0])


def _is_gone(live: Mapping[str, Any], broken: Collection[str]) -> bool:
    source = source_of(live)
    return source is not None and source[0] not in broken


def _action(key: Key, wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> Action | None:
    new = content(wanted)
    notes = {SOURCE: _annotations(wanted).get(SOURCE, ""), LAST_APPLIED: canonical(new)}
    if live is None:
        return Create(_annotated(new, notes))
    if notes.items() <= _annotations(live).items():
        return None
    merged = _merged(last_applied(live), new, live)
    changed = not same(content(merged), content(live))
    return Patch(*key, _annotated(merged, notes), fields_changed=changed)


def _merged(old: Mapping[str, Any] | None, new: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Identity and status are live's: the same object is served in each API version of its kind."""
    merged = merge(ABSENT if old is None else _with_maps(old), _with_maps(new), live)
    assert isinstance(merged, dict)
    kept = {key: live[key] for key in ("apiVersion", "kind", "status") if key in live}
    return deepcopy({**merged, **kept})


def _with_maps(obj: Mapping[str, Any]) -> dict[str, Any]:
    """With its maps written out: a file that drops all its labels drops only its own."""
    metadata = obj.get("metadata")
    kept = metadata if isinstance(metadata, Mapping) else {}
    return {**obj, "metadata": {**{key: {} for key in MAPS}, **kept}}


def _annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return annotations if isinstance(annotations, Mapping) else {}


def _annotated(obj: Mapping[str, Any], notes: Mapping[str, str]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    kept = metadata if isinstance(metadata, Mapping) else {}
    return {**obj, "metadata": {**kept, "annotations": {**_annotations(obj), **notes}}}
