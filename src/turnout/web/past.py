"""What was changed lately, in words, and which of it can be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from turnout.delivery.edit import MIRROR_SUFFIX, USERS_SUFFIX
from turnout.delivery.milestone import Milestone, routing

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One of the history. `undoable`: nothing that came later, and was not undone, changed the same objects."""

    number: int
    at: str
    command: str
    changes: Sequence[str]
    undone: bool
    undoable: bool


def steps(history: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The newest first, as the view `history` has them the other way round."""
    found, covered = [], set[tuple[str, str]]()
    for step in reversed(history):
        undone = bool(step.get("undone"))
        objects = {(obj["namespace"], obj["name"]) for obj in step["objects"]}
        undoable = not undone and not objects & covered
        found.append(Step(step["number"], _when(step.get("at")), step["command"], _changes(step), undone, undoable))
        covered |= set() if undone else objects
    return found[:SHOWN]


def _when(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at).astimezone():%d %b %H:%M:%S}"


def _changes(step: Mapping[str, Any]) -> list[str]:
    """`default/app main: v1 100 → 50, v2 0 → 50`, once for each route; rules for a part of it go with it."""
    found = [change for obj in step["objects"] for change in routing(_whole(obj, "before"), _whole(obj, "after"))]
    return [change.text for change in found if not _repeats(change)]


def _repeats(change: Milestone) -> bool:
    """Of a rule for a part of a route only what it copies is news, if it is there to copy."""
    copies = f"{MIRROR_SUFFIX}: " in change.text
    return f"{USERS_SUFFIX}: " in change.text or (copies and change.what != "mirror")


def _whole(obj: Mapping[str, Any], when: str) -> dict[str, Any]:
    return {"metadata": {"namespace": obj["namespace"], "name": obj["name"]}, "spec": obj[when]}
