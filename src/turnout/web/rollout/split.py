"""Where a rollout's requests go: what was asked for beside what is seen, and how many users meet it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.rollout.user_words import users_words
from turnout.web.figure import UNKNOWN, share
from turnout.web.rollout.story import Shown


def rows(rollout: Shown) -> Iterator[tuple[str, str]]:
    """What was asked for beside what is seen, and how many users meet it."""
    status = rollout.get("status") or {}
    yield "Asked for", _routing(status.get("routing") or {}, rollout["spec"])
    yield "Seen", str(status.get("split") or UNKNOWN)
    yield "User requests touched", _blast(status.get("blast") or {})
    yield "Calls per user request", _mean(status.get("blast") or {})
    yield "Who met which version", users_words(status, rollout["spec"]) or _untold(rollout["spec"])


def _routing(routing: Shown, spec: Shown) -> str:
    if not routing:
        return UNKNOWN
    total = routing.get("stable", 0) + routing.get("candidate", 0)
    words = []
    if routing.get("candidate"):
        words.append(f"{share(routing['candidate'] / total)} to {spec['to']}")
    if float(routing.get("mirrorPercent") or 0):
        copied = f"{float(routing['mirrorPercent']):g} % copied to {spec['to']}"
        words.append(f"{copied} and compared" if routing.get("compare") else copied)
    if routing.get("users"):
        words.append(f"a group of users to {spec['to']}")
    return ", ".join(words) or f"all to {spec['from']}"


def _untold(spec: Shown) -> str:
    """Why it is not said."""
    return UNKNOWN if spec.get("sticky") or not spec else "not counted: chance decides for each request"


def _blast(blast: Shown) -> str:
    if blast.get("touched") is None:
        return UNKNOWN
    return f"{'at most ' if blast.get('bound') else ''}{share(blast['touched'])}" if blast["touched"] else "none"


def _mean(blast: Shown) -> str:
    mean = blast.get("mean")
    if mean is None:
        return UNKNOWN
    return f"{mean:.3g} on average{'; how they are distributed is not known' if blast.get('bound') else ''}"
