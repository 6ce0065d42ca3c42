"""A rollout of the view `rollouts`, in the words of the page: where it stands, and its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.resources import duration as durations
from turnout.web.figure import duration, milliseconds, share

Shown = Mapping[str, Any]
"""`{namespace, name, spec, status}`, and of one rollout `events` and `looks` too."""

PHASES = {
    "running": ("running", "good"),
    "paused": ("paused", "warn"),
    "halted": ("halted", "bad"),
    "aborted": ("aborted", "bad"),
    "finished": ("finished", "good"),
    "refused": ("refused", "bad"),
}
"""Each phase: what it is called, and its CSS class."""
UNDER_WAY = ("running", "paused", "halted")
DEFAULT_MINIMUM = "1m"
_UNDECIDED = 0.95
"""How far a step looks at most while one of its guards cannot say how much it needs."""
NOT_YET = "The engine has not looked at it yet."


def key(rollout: Shown) -> str:
    """What the URL calls it."""
    return f"{rollout['namespace']}/{rollout['name']}"


def title(rollout: Shown) -> str:
    """`reviews v1 → v2`."""
    spec = rollout["spec"]
    return f"{str(spec['service']).partition('.')[0]} {spec['from']} → {spec['to']}"


def phase(rollout: Shown) -> str:
    """Empty before the engine has looked at it."""
    return str((rollout.get("status") or {}).get("phase") or "")


def is_under_way(rollout: Shown) -> bool:
    """Whether there is something to decide still: also before the engine has begun."""
    return phase(rollout) in ("", *UNDER_WAY)


def foremost(rollouts: Sequence[Shown]) -> Shown | None:
    """The one to show when nobody has chosen: one that is under way, or else the last that began."""
    return max(rollouts, key=lambda each: (is_under_way(each), _began(each)), default=None)


def ordered(rollouts: Sequence[Shown]) -> list[Shown]:
    """Those under way first, then the last that began."""
    return sorted(rollouts, key=lambda each: (not is_under_way(each), -_began(each), key(each)))


def _began(rollout: Shown) -> float:
    return float((rollout.get("status") or {}).get("startedAt") or 0)


def place(rollout: Shown) -> str:
    """`step 2 of 5`."""
    status = rollout.get("status") or {}
    steps = status.get("steps") or ()
    return f"step {status.get('step', 0) + 1} of {len(steps)}" if steps else ""


def news(rollout: Shown) -> str:
    """What is told aloud when it changes."""
    return ", ".join(filter(None, (phase(rollout), place(rollout) if phase(rollout) == "running" else "")))


def took(rollout: Shown, now: float) -> str:
    """How long it has gone on, or went on."""
    status = rollout.get("status") or {}
    began = status.get("startedAt")
    return duration(max(0.0, (status.get("finishedAt") or now) - began)) if began else ""


def why(rollout: Shown) -> str:
    """What it waits for, or how it ended. What its guards say of themselves is not said twice."""
    status = rollout.get("status") or {}
    said = str(status.get("why") or "") if status else NOT_YET
    waited = [verdict for verdict in status.get("verdicts") or () if verdict["kind"] == "open"]
    if phase(rollout) != "running" or said != "; ".join(verdict["words"] for verdict in waited) or not waited:
        return sentence(said)
    known = [verdict["seconds"] for verdict in waited if verdict.get("seconds") is not None]
    if len(known) < len(waited):
        return sentence(said)
    guards = " and ".join(verdict["guard"] for verdict in waited)
    return f"Waits until {guards} can be told: about {_roughly(max(known))} more at this rate"


def _roughly(seconds: float) -> str:
    """It is a guess: above a minute, in whole minutes."""
    return duration(seconds if seconds < 60 else 60 * round(seconds / 60))


def ending(rollout: Shown) -> str:
    """How fast it went back. Empty when it did not, or while that is still looked at."""
    status = rollout.get("status") or {}
    change = status.get("lastChange") or {}
    if phase(rollout) != "aborted" or change.get("at", 0) < (status.get("finishedAt") or 0):
        return ""
    back, spec = milliseconds(1000 * change["seconds"]), rollout["spec"]
    return f"All requests were back at {spec['from']} {back} after the look that told; {spec['to']} {_after(change)}."


def _after(change: Shown) -> str:
    if change.get("underWay"):
        return f"still had {change['underWay']} requests to answer"
    last = change.get("lastCandidateAnswerSeconds")
    return "answered nothing more" if last is None else f"answered for the last time after {milliseconds(1000 * last)}"


def compares(rollout: Shown) -> bool:
    """Whether its present, or last, step is a comparison of answers, which has a page of its own."""
    status = rollout.get("status") or {}
    steps, here = status.get("steps") or (), status.get("step", 0)
    return here < len(steps) and bool(steps[here]["kind"] == "compare")


def sentence(words: str) -> str:
    """It begins with a capital letter."""
    return f"{words[:1].upper()}{words[1:]}"


# --- steps


@dataclass(frozen=True, slots=True)
class Station:
    """One step. `state`: done, current, stopped (it ended here), ahead, or never. `part`: how much of it, 0 to 1."""

    name: str
    state: str
    words: str
    note: str
    part: float | None = None


_STATES = {"done": "done", "current": "now", "stopped": "ended here", "ahead": "to come", "never": "not reached"}


def stations(rollout: Shown, now: float) -> list[Station]:
    """All steps, with how far the present one is."""
    status = rollout.get("status") or {}
    notes = [_note(rollout, at, step) for at, step in enumerate(status.get("steps") or ())]
    states = [_state(rollout, at) for at, _ in enumerate(notes)]
    return [
        _current(rollout, step["name"], note, now)
        if state == "current"
        else Station(step["name"], state, _STATES[state], note)
        for step, note, state in zip(status.get("steps") or (), notes, states, strict=True)
    ]


def _state(rollout: Shown, at: int) -> str:
    here = rollout["status"].get("step", 0)
    if phase(rollout) == "finished" or at < here:
        return "done"
    ended = not is_under_way(rollout)
    if at == here:
        return "stopped" if ended else "current"
    return "never" if ended else "ahead"


def _note(rollout: Shown, at: int, step: Shown) -> str:
    """Whom it touches."""
    asked = _asked(rollout, at)
    match step["kind"]:
        case "compare" | "mirror":
            return "copies only: no user sees an answer"
        case "users":
            return _whose(asked.get("users") or {})
        case "weight":
            return _touches(rollout["status"].get("blast") or {}, step.get("percent"))
    held = (asked.get("pause") or {}).get("duration") if isinstance(asked.get("pause"), Mapping) else None
    return f"for {held}" if held else "until it is resumed"


def _asked(rollout: Shown, at: int) -> Shown:
    """The step as its author wrote it; the promotion at the end may be nobody's."""
    steps = rollout["spec"].get("steps") or ()
    return steps[at] if at < len(steps) else {}


def _whose(users: Shown) -> str:
    """`x-group exact beta`."""
    rules = (users.get("headers") or {}).items()
    return ", ".join(f"{name} {' '.join(f'{how} {what}' for how, what in match.items())}" for name, match in rules)


def _touches(blast: Shown, percent: Any) -> str:
    found = next((touched for weight, touched in blast.get("weights") or () if _same(weight, percent)), None)
    if found is None or _same(percent, 100):
        return ""
    return f"touches {'at most ' if blast.get('bound') else ''}{share(found)} of user requests"


def _same(one: Any, other: Any) -> bool:
    try:
        return abs(float(one) - float(other)) < 1e-6
    except (TypeError, ValueError):
        return False


def _current(rollout: Shown, name: str, note: str, now: float) -> Station:
    status, asked = rollout["status"], _asked(rollout, rollout["status"].get("step", 0))
    if status["steps"][status.get("step", 0)]["kind"] == "pause":
        return _pausing(rollout, name, note, now)
    least = _seconds(asked.get("minTime") or rollout["spec"].get("minTime") or DEFAULT_MINIMUM) if asked else 0.0
    counted = float(status.get("countedSeconds") or 0.0)
    verdicts = status.get("verdicts") or ()
    known = [part for part in map(certainty, verdicts) if part is not None]
    parts = [min(1.0, counted / least) if least else 1.0, *known, *([_UNDECIDED] if len(known) < len(verdicts) else [])]
    words = [f"{counted:.0f} of {least:.0f} s" if counted < least else f"{duration(counted)} counted"]
    if verdicts:
        words.append(f"{sum(v['kind'] == 'fine' for v in verdicts)} of {len(verdicts)} guards fine")
    return Station(name, "current", ", ".join(words), note, min(parts))


def _pausing(rollout: Shown, name: str, note: str, now: float) -> Station:
    asked = (_asked(rollout, rollout["status"]["step"]).get("pause") or {}).get("duration")
    if not asked:
        return Station(name, "current", "now", note)
    whole, gone = _seconds(asked), now - rollout["status"].get("enteredAt", now)
    left = max(0.0, whole - gone)
    return Station(name, "current", f"{duration(left)} left", note, 1 - left / whole if whole else 1.0)


def certainty(verdict: Shown) -> float | None:
    """How much of what it takes to decide has come, 0 to 1; None where nobody knows how much it takes."""
    if verdict["kind"] != "open":
        return 1.0
    seen, needed = (verdict.get("candidate") or {}).get("total", 0), verdict.get("requests")
    if needed:
        return float(seen / (seen + needed))
    return None if seen else 0.0


def _seconds(text: str) -> float:
    """0 of what is no duration: the engine says so, not the page."""
    parsed = durations.parse(str(text))
    return parsed.total_seconds() if parsed else 0.0
