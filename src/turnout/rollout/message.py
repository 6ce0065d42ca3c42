"""An event as it is posted: what happened, as JSON, in a form that Slack's incoming webhooks show as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_COLOURS = {"abort": "danger", "halt": "danger", "finish": "good", "pause": "warning", "change": "warning"}


def message(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's own fields, its `text` with the rollout's name, and `attachments` for Slack."""
    fields = [{"title": title, "value": value, "short": len(value) < 40} for title, value in _fields(event)]
    attachment = {"color": _COLOURS.get(event["what"], "#888888"), "fields": fields}
    return {**event, "text": _text(event), "attachments": [attachment]}


def _text(event: Mapping[str, Any]) -> str:
    return f"{event['namespace']}/{event['rollout']} {event['what']}: {event['text']}"


def _fields(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("service", "step", "phase"):
        if event.get(name) not in (None, ""):
            yield name, str(event[name])
    for verdict in event.get("verdicts") or ():
        yield str(verdict.get("guard", "guard")), str(verdict.get("words") or verdict.get("kind", ""))
