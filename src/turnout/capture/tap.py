"""Envoy's tap, armed again and again: each batch is asked for, and ends by itself.

So nothing piles up in Envoy whatever becomes of us, and a comparer that is gone leaves nothing armed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.capture.thinning import Thinning
from turnout.compiler.filters import ID_HEADER, TAP_ID
from turnout.compiler.mirror import HEADER
from turnout.error import EnvoyFailed
from turnout.xds.admin import Admin

MOST_TRACES = 25
"""In one batch. Envoy writes it in one go, some 50 us for each, and whoever shares a core with it waits."""
MOST_BATCH_BYTES = 12 << 20
BATCH_SECONDS = 1.0
ANSWER_SECONDS = 15.0
_BEGINNING = b'"http_buffered_trace": {'


@dataclass(frozen=True, slots=True)
class Scope:
    """Which requests are captured, by their ids and methods, and how much of a body."""

    sample: str
    methods: Sequence[str]
    most_body_bytes: int


class Occupied(Exception):
    """Somebody else has armed the tap: one at a time may."""


class Tap:
    """All listeners' of one Envoy."""

    def __init__(self, admin_socket: str, scope: Scope) -> None:
        self._admin = Admin(Path(admin_socket))
        self._scope = scope
        self.thinning = Thinning()

    async def batch(self) -> bytes:
        """What was captured until there was enough of it, or for a second. Raises Occupied, EnvoyFailed."""
        clock = asyncio.get_running_loop().time
        asked, began = json.dumps(order(self._scope, self.thinning.regex)).encode(), clock()
        status, answer = await self._admin.request("POST", "/tap", asked, timeout_seconds=ANSWER_SECONDS)
        if status == 400 and b"already exists" in answer:
            raise Occupied
        if status != 200:
            raise EnvoyFailed(f"Envoy refuses to capture: {answer[:200].decode(errors='replace').strip()}")
        self.thinning.heed(clock() - began, count(answer) / most_traces(self._scope))
        return answer


def count(batch: bytes) -> int:
    """How many traces there are in it, without reading them."""
    return batch.count(_BEGINNING)


def most_traces(scope: Scope) -> int:
    """In one batch, so that it stays below its bound in bytes."""
    return max(1, min(MOST_TRACES, MOST_BATCH_BYTES // (scope.most_body_bytes + 1)))


def order(scope: Scope, thinned: str | None = None) -> dict[str, Any]:
    """What Envoy is asked for. `thinned`: what an id has to match as well.

    Never another format: text spoils what is compressed, and one of the others makes Envoy 1.40 abort. Never a sink
    that streams: it has no bounds.
    """
    batch = {"max_traces": most_traces(scope), "timeout": f"{BATCH_SECONDS}s"}
    return {
        "config_id": TAP_ID,
        "tap_config": {
            "match": _match(scope, thinned),
            "output_config": {
                "sinks": [{"format": "JSON_BODY_AS_BYTES", "buffered_admin": batch}],
                "max_buffered_rx_bytes": 1,  # of requests' bodies, which nobody compares
                "max_buffered_tx_bytes": scope.most_body_bytes,
            },
        },
    }


def _match(scope: Scope, thinned: str | None) -> dict[str, Any]:
    """Copies are of the methods that the rules copy."""
    copies = [_header(HEADER, {"present_match": True})]
    requests = [_header(":method", {"string_match": {"exact": method}}) for method in scope.methods]
    patterns = [scope.sample, *([thinned] if thinned else [])]
    ids = [_header(ID_HEADER, {"string_match": {"safe_regex": {"regex": each}}}) for each in patterns]
    return {"and_match": {"rules": [*ids, {"or_match": {"rules": [*copies, *requests]}}]}}


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"http_request_headers_match": {"headers": [{"name": name, **match}]}}
