"""What `/metrics` answers: every count, as it is at that moment."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace

from turnout import __version__
from turnout.apiserver.stream import Lines
from turnout.apiserver.view import Exposition
from turnout.control.telemetry import Telemetry
from turnout.error import EnvoyFailed
from turnout.process import Identity
from turnout.telemetry.exposition import Scrape, content_type, pieces
from turnout.telemetry.stats import Snapshot
from turnout.xds.envoy import Envoy

LOOK_SECONDS = 2.0
"""Prometheus waits for ten; then it gets what the last look saw."""


class Metrics:
    """Answers scrapes."""

    def __init__(self, envoy: Envoy, telemetry: Telemetry) -> None:
        self._envoy = envoy
        self._telemetry = telemetry
        self._proxy: tuple[Identity | None, str] = (None, "")
        """The Envoy that was asked for its version, and what it said."""

    async def __call__(self, accept: str) -> Exposition:
        """`accept`: the header. Everything is written in a thread, so that nothing else waits for it."""
        with suppress(TimeoutError, EnvoyFailed):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._telemetry.look_closely()
                await self._ask_version()
        builds = {"pilot": __version__} | ({"proxy": self._proxy[1]} if self._proxy[1] else {})
        scrape = Scrape(_taken(self._telemetry.window.latest), builds, self._telemetry.folded)
        kind = content_type(accept)
        return Exposition(kind, _written(scrape, kind))

    async def _ask_version(self) -> None:
        identity = self._envoy.identity
        if identity != self._proxy[0]:
            _, body = await self._envoy.admin("GET", "/server_info")
            self._proxy = (identity, _release(body))


def _release(server_info: bytes) -> str:
    """`1.40.0` of `<commit>/1.40.0/Clean/RELEASE/BoringSSL`."""
    return str(json.loads(server_info)["version"]).split("/")[1]


def _taken(latest: Snapshot) -> Snapshot:
    """The same sums, in mappings that the next look leaves alone; what they hold is replaced, never changed."""
    return replace(
        latest,
        requests=dict(latest.requests),
        durations=dict(latest.durations),
        request_sizes=dict(latest.request_sizes),
        response_sizes=dict(latest.response_sizes),
        clusters=dict(latest.clusters),
    )


async def _written(scrape: Scrape, kind: str) -> Lines:
    written = pieces(scrape, kind)
    while (piece := await asyncio.to_thread(next, written, None)) is not None:
        yield piece
