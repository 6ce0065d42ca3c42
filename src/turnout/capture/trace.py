"""What Envoy's tap says of one request, and what of it is compared."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from turnout.compiler.filters import ID_HEADER
from turnout.compiler.mirror import COPIED, FLAGS, HEADER
from turnout.delivery.comparison.exchange import Exchange
from turnout.delivery.edit import MIRROR_SUFFIX

_SERVED = "x-envoy-upstream-service-time"
"""What Envoy adds to an answer that came from a service, and to none of its own."""
_BY_ENVOY = "-"
_DECODER = json.JSONDecoder()

Headers = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer: what a user got, or what a copy did. `host`, `subset`: who was asked."""

    exchange: Exchange
    is_copy: bool
    host: str
    subset: str


def traces(batch: bytes) -> Iterator[Trace | None]:
    """Those that a batch of the tap's sink holds, JSON after JSON; None for each that says nothing of a copied request.

    Raises ValueError if it is no JSON.
    """
    text = batch.decode("utf-8", "replace")
    position = _beginning(text, 0)
    while position < len(text):
        found, position = _DECODER.raw_decode(text, position)
        yield trace(found)
        position = _beginning(text, position)


def _beginning(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def trace(data: Mapping[str, Any]) -> Trace | None:
    """One trace. None: nobody copied the request, or it is not one as Envoy writes them."""
    try:
        whole = data["http_buffered_trace"]
        request, response = whole["request"], whole.get("response") or {}
        asked = _single(request["headers"])
        cluster, _, route = asked[COPIED].partition(" ")
        _, _, subset, host, *_ = cluster.split("|")
        exchange = _exchange(asked, request, response, route.removesuffix(MIRROR_SUFFIX))
        return Trace(exchange, HEADER in asked, host, subset)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _exchange(
    asked: Mapping[str, str], request: Mapping[str, Any], response: Mapping[str, Any], route: str
) -> Exchange:
    headers = tuple((each["key"], each["value"]) for each in response.get("headers", ()))
    told = dict(headers)
    body = response.get("body") or {}
    return Exchange(
        asked[ID_HEADER],
        route,
        asked[":method"],
        asked[":path"],
        int(told.get(":status", 0)),
        headers,
        b64decode(body.get("as_bytes", "")),
        truncated=bool(body.get("truncated")),
        duration_ms=_duration_ms(request, response),
        local_reply=_local_reply(told, is_copy=HEADER in asked),
    )


def _single(headers: Headers) -> dict[str, str]:
    return {each["key"]: each["value"] for each in headers}


def _local_reply(told: Mapping[str, str], *, is_copy: bool) -> str:
    """Why Envoy answered by itself, "" if it did not.

    It marks what it answers to a copy. To a user it says nothing of the kind, and what is known of its errors is what
    they lack; a route may have told it to leave that out of real answers, too.
    """
    if _SERVED in told or ":status" not in told:
        return ""
    if is_copy:
        return told.get(FLAGS, "")
    return _BY_ENVOY if told[":status"].startswith("5") else ""


def _duration_ms(request: Mapping[str, Any], response: Mapping[str, Any]) -> float | None:
    """Until the answer began."""
    began, answered = request.get("headers_received_time"), response.get("headers_received_time")
    if not began or not answered:
        return None
    seconds = (datetime.fromisoformat(answered) - datetime.fromisoformat(began)).total_seconds()
    return max(0.0, seconds * 1000)
