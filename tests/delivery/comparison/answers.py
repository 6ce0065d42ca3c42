"""Answers to make pairs of."""

from __future__ import annotations

import json
from typing import Any

from turnout.delivery.comparison.difference import Difference, Outcome, Rules, compare
from turnout.delivery.comparison.exchange import Exchange, Pair, Side
from turnout.delivery.comparison.secret import Redaction

REDACTION = Redaction(b"key")
RULES = Rules(REDACTION)
ROUTE = "default/app main"


def exchange(
    body: bytes | str = b"",
    *,
    key: str = "1",
    status: int = 200,
    media: str | None = None,
    route: str = ROUTE,
    headers: tuple[tuple[str, str], ...] = (),
    **more: Any,
) -> Exchange:
    """With the content-length that a server would send, unless it is given."""
    body = body.encode() if isinstance(body, str) else body
    typed = (("content-type", media),) if media else ()
    given = dict(headers)
    length = () if "content-length" in given or "transfer-encoding" in given else (("content-length", str(len(body))),)
    request = {"method": "GET", "path": "/things?page=1", **more}
    return Exchange(key, route, status=status, headers=(*typed, *length, *headers), body=body, **request)


def answer(value: Any, **more: Any) -> Exchange:
    return exchange(json.dumps(value), media="application/json", **more)


def outcome(stable: Exchange, copy: Exchange, side: Side = "candidate") -> Outcome:
    return compare(Pair(stable, copy, side), RULES)


def differences(stable: Exchange, copy: Exchange) -> tuple[Difference, ...]:
    return outcome(stable, copy).differences


def found(stable: Exchange, copy: Exchange) -> set[tuple[str, str]]:
    """Paths and kinds."""
    return {(difference.path, difference.kind.value) for difference in differences(stable, copy)}
