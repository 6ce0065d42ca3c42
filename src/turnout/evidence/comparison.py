"""The view `comparison` as evidence: what its answers have shown so far."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from turnout.delivery.evidence import Compared

MOST_NAMED = 3
_KINDS: Mapping[str, Literal["worse", "fine"]] = {"regression": "worse", "same": "fine"}
"""A difference is neither: somebody has to say whether it is meant to be."""


def compared(view: Mapping[str, Any], by: str) -> Compared | None:
    """Of the comparison that runs for somebody; None where there is none, or it has said nothing yet."""
    line = view.get("report") or {}
    if not view.get("running") or view.get("by") != by or "verdict" not in line:
        return None
    pairs, verdict = line.get("pairs") or {}, line["verdict"]
    return Compared(
        _KINDS.get(verdict, "open"), pairs.get("candidate", 0), pairs.get("baseline", 0), _words(verdict, line)
    )


def _words(verdict: str, line: Mapping[str, Any]) -> str:
    pairs = f"{(line.get('pairs') or {}).get('candidate', 0):,} pairs compared"
    named = list(_named(line.get("report") or {}, verdict))
    which = ", ".join(named[:MOST_NAMED]) + (f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else "")
    match verdict:
        case "regression":
            return f"broken: {which} ({pairs})"
        case "difference":
            return f"different: {which} ({pairs}); if that is meant to be, `turnout compare accept {_paths(line)}`"
        case "same":
            return f"no difference, {pairs}"
        case _:
            return f"{pairs}, not yet enough to be sure"


def _paths(line: Mapping[str, Any]) -> str:
    """As a shell takes them."""
    routes = (line.get("report") or {}).get("routes", ())
    fields = (field for route in routes for field in route["fields"])
    return shlex.join(
        dict.fromkeys(field["path"] for field in fields if field["class"] == "difference" and field["kind"] != "faster")
    )


def _named(report: Mapping[str, Any], verdict: str) -> Iterator[str]:
    for route in report.get("routes", ()):
        for field in route["fields"]:
            if field["class"] == verdict and field["kind"] != "faster":
                yield f"{field['path']} {field['kind']} in {100 * field['candidate']['share']:.3g} %"
