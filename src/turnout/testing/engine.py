"""A real Envoy with its control plane and the stand-ins, in a thread of its own; tests share one for their session."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from turnout.compiler.config import Config
from turnout.error import EnvoyFailed
from turnout.xds.ads import AdsServer
from turnout.xds.envoy import Envoy

T = TypeVar("T")

CALL_SECONDS = 30.0
ACKNOWLEDGE_SECONDS = 15.0
SETTLE_SECONDS = 6.0
"""A copy that nobody answers is given up after a second, and what it holds after five."""
POLL_SECONDS = 0.005
_BUSY = "/stats?type=Gauges&filter=^cluster[.](outbound|mirror|copy)[|].*upstream_rq_(pending_)?active$"
_WATCH = 'read -r line || { kill -9 "-$0"; rm -rf "$1"; }'
"""Envoy is made to outlive Turnout. A killed test run must leave nothing behind: its end closes this shell's input."""


class Engine:
    """Started once; configurations follow each other. What its methods wait for is bounded."""

    def __init__(self, runtime: Path) -> None:
        """`runtime`: a folder with a short path, for sockets."""
        self._runtime = runtime
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="turnout.testing", daemon=True)
        self._ports: dict[str, int] = {}
        self._ads = AdsServer(runtime / "ads.sock", on_rejection=lambda _: None)
        self._envoy = Envoy(
            ads_socket=runtime / "ads.sock",
            runtime=runtime,
            log=runtime / "envoy.log",
            concurrency=1,  # two workers would take turns in a round robin of their own each
            node="turnout.testing",
            drain_seconds=0,
        )
        self._starting: Future[None] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begins. Whatever needs Envoy waits until it answers, and raises EnvoyFailed if it does not."""
        self._thread.start()
        self._starting = asyncio.run_coroutine_threadsafe(self._start(), self._loop)

    def _started(self) -> None:
        """Returns when Envoy answers. Raises EnvoyFailed."""
        assert self._starting is not None, "start comes first"
        self._starting.result(CALL_SECONDS)

    async def _start(self) -> None:
        await self._ads.start()
        await self._envoy.start()
        identity = self._envoy.identity
        assert identity is not None, "it was started"
        argv = ["/bin/sh", "-c", _WATCH, str(identity.pid), str(self._runtime)]
        self._watch = subprocess.Popen(  # noqa: ASYNC220 - a fork
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Nothing is left running."""
        with suppress(EnvoyFailed):
            self._started()
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()
        if self._watch is not None:
            self._watch.communicate(b"over\n")

    async def _stop(self) -> None:
        await self._envoy.stop()
        await self._ads.stop()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Has the loop do it, and waits. Raises what it raises, and TimeoutError."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    def publish(self, config: Config) -> None:
        """Returns when Envoy has it. Raises EnvoyFailed for what it refuses."""
        self._started()
        self.call(self._published(config))

    async def _published(self, config: Config) -> None:
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            rejections = await self._ads.publish(config).acknowledged()
        if rejections:
            said = "; ".join(f"{', '.join(r.names)}: {r.detail}" for r in rejections)
            raise EnvoyFailed(f"Envoy refuses the configuration, which is a bug in Turnout: {said}")

    def settle(self) -> None:
        """Waits until no request is under way, copies included; at most SETTLE_SECONDS."""
        self.call(self._settled())

    async def _settled(self) -> None:
        until = self._loop.time() + SETTLE_SECONDS
        while self._loop.time() < until and await self._busy():  # noqa: ASYNC110 - Envoy does not tell, it must be asked
            await asyncio.sleep(POLL_SECONDS)

    async def _busy(self) -> bool:
        _, body = await self._envoy.admin("GET", _BUSY)
        return any(line.rpartition(": ")[2] != "0" for line in body.decode().splitlines())

    def port(self, name: str) -> int:
        """Where a proxy of this name listens, for the whole session."""
        if name not in self._ports:
            self._ports[name] = _free_port(set(self._ports.values()))
        return self._ports[name]


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Started, and stopped at the end. Raises EnvoyFailed."""
    short = "/tmp" if Path("/tmp").is_dir() else None  # noqa: S108 - a folder of ours in it: paths of sockets are short
    with tempfile.TemporaryDirectory(prefix="turnout-", dir=short) as folder:
        engine = Engine(Path(folder))
        engine.start()
        try:
            yield engine
        finally:
            engine.stop()


def _free_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
