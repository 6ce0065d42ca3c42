"""Envoy's tap, armed again and again: each batch is asked for, and ends by itself.

So nothing piles up in Envoy whatever becomes of us, and a comparer that is gone leaves nothing armed. How many requests
are copied for it, is told to Envoy's runtime.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from turnout.capture.thinning import Thinning
from turnout.compiler.filters import ID_HEADER, TAP_ID
from turnout.compiler.mirror import SHARE
from turnout.delivery import sample
from turnout.error import EnvoyFailed
from turnout.xds.admin import Admin, Answer

MOST_BATCH_BYTES = 12 << 20
BATCH_SECONDS = 1.0
ANSWER_SECONDS = 15.0
RELEASE_SECONDS = 1.0
_BEGINNING = b'"http_buffered_trace": {'


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is captured: `traces` in one batch, and `batches` in a second, at most.

    Envoy writes a batch in one go, 0.05 ms for each trace, after 0.7 ms to arm the tap. Whoever shares a core with it
    waits, and how long a batch takes says more about users' p99 than how many there are.
    """

    traces: int
    batches: float


OF_ALL = Pace(25, 10.0)
"""Whoever compares all requests wants to know soon."""
OF_A_PART = Pace(8, 6.25)
"""Whoever compares a part of them wants users to notice nothing."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which requests are captured, by their ids, and how much of a body."""

    sample: str
    most_body_bytes: int

    @property
    def pace(self) -> Pace:
        return OF_ALL if sample.of_regex(self.sample) in (None, sample.ALL) else OF_A_PART

    @property
    def most_traces(self) -> int:
        """In one batch, so that it stays below its bound in bytes."""
        return max(1, min(self.pace.traces, MOST_BATCH_BYTES // (self.most_body_bytes + 1)))


class Occupied(Exception):
    """Somebody else has armed the tap: one at a time may."""


class Tap:
    """All listeners' of one Envoy."""

    def __init__(self, admin_socket: str, scope: Scope) -> None:
        self._admin = Admin(Path(admin_socket))
        self._scope = scope
        self._told: int | None = None
        """The percentage that Envoy knows."""
        self.thinning = Thinning(scope.pace.batches)

    async def batch(self) -> bytes:
        """What was captured until there was enough of it, or for a second. Raises Occupied, EnvoyFailed."""
        clock = asyncio.get_running_loop().time
        await self._tell(self.thinning.percent)
        began = clock()
        status, answer = await self._ask("/tap", json.dumps(order(self._scope)).encode())
        if status == 400 and b"already exists" in answer:
            raise Occupied
        if status != 200:
            raise EnvoyFailed(f"Envoy refuses to capture: {answer[:200].decode(errors='replace').strip()}")
        self.thinning.heed(clock() - began, count(answer) / self._scope.most_traces)
        return answer

    async def release(self) -> None:
        """Nobody captures any more, and all of the next sample is copied. Raises EnvoyFailed."""
        await self._admin.request("POST", f"/runtime_modify?{SHARE}=", timeout_seconds=RELEASE_SECONDS)

    async def _tell(self, percent: int) -> None:
        """Once; again to an Envoy that may have begun anew since, and knows nothing.

        Of ten thousand: by the same number Envoy chooses among weights, of a hundred, and throws for mirrors, of a
        million. So the last two digits are left to weights, and the first two to mirrors.
        """
        if percent == self._told:
            return
        fraction = quote(f"{{numerator: {percent * 100}, denominator: TEN_THOUSAND}}")
        status, _ = await self._ask(f"/runtime_modify?{SHARE}={fraction}")
        if status != 200:
            raise EnvoyFailed(f"Envoy refuses to copy {percent} % of the sample")
        self._told = percent

    async def _ask(self, path: str, body: bytes = b"") -> Answer:
        try:
            return await self._admin.request("POST", path, body, timeout_seconds=ANSWER_SECONDS)
        except EnvoyFailed:
            self._told = None
            raise


def count(batch: bytes) -> int:
    """How many traces there are in it, without reading them."""
    return batch.count(_BEGINNING)


def order(scope: Scope) -> dict[str, Any]:
    """What Envoy is asked for: by the id alone.

    Only requests that a rule copies meet the tap, and those of other rules have other ids.

    Never another format: text spoils what is compressed, and one of the others makes Envoy 1.40 abort. Never a sink
    that streams: it has no bounds.
    """
    sampled = {"name": ID_HEADER, "string_match": {"safe_regex": {"regex": scope.sample}}}
    batch = {"max_traces": scope.most_traces, "timeout": f"{BATCH_SECONDS}s"}
    return {
        "config_id": TAP_ID,
        "tap_config": {
            "match": {"http_request_headers_match": {"headers": [sampled]}},
            "output_config": {
                "sinks": [{"format": "JSON_BODY_AS_BYTES", "buffered_admin": batch}],
                "max_buffered_rx_bytes": 1,  # of requests' bodies, which nobody compares
                "max_buffered_tx_bytes": scope.most_body_bytes,
            },
        },
    }
