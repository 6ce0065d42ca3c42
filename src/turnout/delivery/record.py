"""A rollout's state as JSON and back, for whoever stores it: a process that is killed goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from turnout.delivery.evidence import Compared, Counts, Evidence, Stream
from turnout.delivery.guard import Judgement
from turnout.delivery.rollout import State
from turnout.delivery.sequential import Wealth
from turnout.delivery.split import Split


def as_json(state: State) -> dict[str, Any]:
    """Objects, lists, strings, and numbers that JSON has: all floats are finite."""
    return asdict(state)


def from_json(stored: Mapping[str, Any]) -> State:
    """What `as_json` gave. KeyError, TypeError: it is something else."""
    rest = {
        name: stored[name] for name in ("phase", "at", "entered", "counted_seconds", "looked_at", "released", "why")
    }
    return State(
        **rest,
        split=Split(**stored["split"]),
        judgements={name: _judgement(judgement) for name, judgement in stored["judgements"].items()},
        limits=dict(stored["limits"]),
        seen=_evidence(stored["seen"]) if stored["seen"] is not None else None,
    )


def _judgement(stored: Mapping[str, Any]) -> Judgement:
    return Judgement(
        worse=_wealth(stored["worse"]),
        notable=_wealth(stored["notable"]),
        fine=_wealth(stored["fine"]),
        proven=stored["proven"],
        waiting=_counts(stored["waiting"]),
        seen=_counts(stored["seen"]),
        learned=Stream(**stored["learned"]),
    )


def _wealth(stored: Mapping[str, Any]) -> Wealth:
    return Wealth(stored["reserve"], tuple(stored["stakes"]), stored["blocks"])


def _counts(stored: Mapping[str, Any]) -> Counts:
    return Counts(Stream(**stored["candidate"]), Stream(**stored["stable"]))


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    guards = {name: _counts(counts) for name, counts in stored["guards"].items()}
    compared = Compared(**stored["compared"]) if stored["compared"] is not None else None
    return Evidence(**{**stored, "guards": guards, "compared": compared})
