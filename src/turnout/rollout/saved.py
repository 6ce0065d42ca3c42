"""What the engine has to remember of a rollout: all of it is in the resource's status, and nothing in the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from turnout.delivery import record
from turnout.delivery.plan import Routing
from turnout.delivery.rollout import State

Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """`spec` is the one that it began with: a later one is for the next rollout. `generation`: that spec's.

    `wanted` ought to be in force, and is not known to be while it is `pending`. `cap`: the percent that no
    weight exceeds before the promotion, for the users' sake. `told`: verdicts that history knows of, `guard kind`.
    """

    spec: Spec
    generation: int
    state: State
    wanted: Routing
    started: float
    pending: bool = True
    cap: str | None = None
    told: tuple[str, ...] = ()


def text(saved: Saved) -> str:
    """As JSON text: a status is patched field by field, and this must be replaced as a whole."""
    fields = {
        **{name: getattr(saved, name) for name in ("spec", "generation", "started", "pending", "cap")},
        "told": list(saved.told),
        "state": record.as_json(saved.state),
        "wanted": {**asdict(saved.wanted), "mirror_percent": str(saved.wanted.mirror_percent)},
    }
    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


def read(written: str) -> Saved:
    """What `text` gave. Raises KeyError, TypeError or ValueError for something else."""
    stored = json.loads(written)
    return Saved(
        spec=stored["spec"],
        generation=stored["generation"],
        state=record.from_json(stored["state"]),
        wanted=Routing(**{**stored["wanted"], "mirror_percent": Decimal(stored["wanted"]["mirror_percent"])}),
        started=stored["started"],
        pending=stored["pending"],
        cap=stored["cap"],
        told=tuple(stored["told"]),
    )
