"""The delta ADS server: Envoy connects over a unix socket and is told what differs from what it has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from turnout.compiler.config import Config
from turnout.error import EnvoyFailed
from turnout.xds.address import socket_path
from turnout.xds.session import Session
from turnout.xds.watch import Rejection

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
METHOD = "DeltaAggregatedResources"
MAX_REQUEST_BYTES = 32 << 20
"""Envoy's first message names every resource it has, and all its extensions."""

_log = logging.getLogger(__name__)


class Publication:
    """A config on its way. One that is superseded is settled when its successor is."""

    def __init__(self) -> None:
        self._settled = asyncio.Event()
        self._rejections: list[Rejection] = []

    async def acknowledged(self) -> list[Rejection]:
        """Waits until Envoy has accepted or refused every resource; returns what it refused of the current config.

        Without an Envoy this waits for one: bound it with `asyncio.timeout`.
        """
        await self._settled.wait()
        return self._rejections

    def settle(self, rejections: list[Rejection]) -> None:
        """Wakes who waits."""
        self._rejections = rejections
        self._settled.set()


class AdsServer:
    """Serves one Envoy: the one that connected last. The latest config wins; nothing is queued."""

    def __init__(
        self, socket: Path, *, on_rejection: Callable[[Rejection], None], services: Sequence[Any] = ()
    ) -> None:
        """`on_rejection` is called once for every resource version that Envoy refuses. Raises EnvoyFailed.

        `services`: what else Envoy finds on the socket, as handlers of gRPC.
        """
        self._socket = Path(socket_path(socket))
        self._on_rejection = on_rejection
        self._services = services
        self._reported: dict[tuple[str, str], Rejection] = {}
        self._server: Any = None
        self._config: Config | None = None
        self._open: Publication | None = None
        self._stream: _Stream | None = None

    async def start(self) -> None:
        """Binds the socket, also over one that a dead server left behind. Raises EnvoyFailed."""
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_REQUEST_BYTES)])
        self._server.add_generic_rpc_handlers((self._handlers(), *self._services))
        try:
            self._server.add_insecure_port(f"unix:{self._socket}")
            await self._server.start()
        except RuntimeError as error:
            raise EnvoyFailed(f"cannot listen on {self._socket}: {error}") from error
        self._socket.chmod(0o600)

    async def stop(self) -> None:
        """Hangs up. Envoy goes on with what it has, and asks every quarter of a second for a server."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
            self._socket.unlink(missing_ok=True)

    @property
    def connected(self) -> bool:
        """Whether an Envoy listens to us."""
        return self._stream is not None

    def publish(self, config: Config, *, retry_rejected: bool = False) -> Publication:
        """Envoy shall have `config`; only what differs is sent, in make-before-break order.

        A listener's name must stand for its address: one that takes over the address of a removed one would be
        refused, as removals go last. A version that was refused is not sent again, unless `retry_rejected`.
        """
        self._config = config
        publication = self._open = self._open or Publication()
        if self._stream is not None:
            self._stream.session.aim(config)
            if retry_rejected:
                self._stream.session.forget_rejections()
            self._stream.wake.set()
            self._settle(self._stream.session)
        return publication

    def _handlers(self) -> Any:
        handler = grpc.stream_stream_rpc_method_handler(
            self._serve,
            request_deserializer=DeltaDiscoveryRequest.FromString,
            response_serializer=DeltaDiscoveryResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})

    async def _serve(self, requests: AsyncIterator[DeltaDiscoveryRequest], context: Any) -> None:
        stream = _Stream(context)
        if self._config is not None:
            stream.session.aim(self._config)
        self._stream = stream
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(stream.send())
                await self._receive(stream, requests)
                sender.cancel()
        finally:
            if self._stream is stream:
                self._stream = None

    async def _receive(self, stream: _Stream, requests: AsyncIterator[DeltaDiscoveryRequest]) -> None:
        async for request in requests:
            if self._stream is not stream:
                return  # another Envoy, or the same one anew, took over
            rejection = stream.session.receive(request)
            if rejection is not None:
                self._report(rejection)
            stream.wake.set()
            self._settle(stream.session)

    def _report(self, rejection: Rejection) -> None:
        key = (rejection.type_url, ",".join(rejection.names))
        if self._reported.get(key) != rejection:
            self._reported[key] = rejection
            self._on_rejection(rejection)

    def _settle(self, session: Session) -> None:
        if not session.settled:
            return
        rejections = list(session.rejections)
        self._reported = {(r.type_url, ",".join(r.names)): r for r in rejections}
        publication, self._open = self._open, None
        if publication is not None:
            publication.settle(rejections)


class _Stream:
    """One connection: its session, and the one task that writes to it."""

    def __init__(self, context: Any) -> None:
        self.session = Session()
        self.wake = asyncio.Event()
        self._context = context

    async def send(self) -> None:
        """Sends what the session has to say, whenever it may have something new to say."""
        now = asyncio.get_running_loop().time
        while True:
            self.wake.clear()
            while (response := self.session.next(now())) is not None:
                await self._context.write(response)
            await self._woken(self.session.warming_until - now())

    async def _woken(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds > 0 else None):
                await self.wake.wait()
