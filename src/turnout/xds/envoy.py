"""Envoy's life: start, adoption after a crash of ours, respawn after a crash of its own, and a stop that ends well."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from turnout.compiler.cluster import ADS_CLUSTER
from turnout.compiler.tracing import SPANS_CLUSTER
from turnout.error import EnvoyFailed, TurnoutError
from turnout.process import Identity, Process
from turnout.xds.admin import Admin, Answer
from turnout.xds.binary import command, find_envoy, open_files
from turnout.xds.bootstrap import SPANS_SOCKET, bootstrap

MAX_CONNECTIONS = 10_000
START_SECONDS = 15.0
POLL_SECONDS = 0.01
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
STEADY_SECONDS = 30.0
"""One that lived so long and then died did not die of its start: the pause before the next begins anew."""
TERM_SECONDS = 3.0
LOG_TAIL_BYTES = 2000
ENVIRONMENT = ("PATH", "TMPDIR", "TZ")

_log = logging.getLogger(__name__)


class Envoy:
    """One Envoy process. It runs in a session of its own and survives us; its identity finds it again."""

    def __init__(
        self,
        *,
        ads_socket: Path,
        runtime: Path,
        log: Path,
        concurrency: int,
        node: str,
        on_respawn: Callable[[Identity], None] = lambda _: None,
        drain_seconds: float = 5.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`runtime` is a folder of mode 0700 for the sockets; `drain_seconds` bounds how long `stop` lets requests end.

        `environment` is what Envoy gets besides the few variables of ours that it needs.

        Raises EnvoyFailed if a socket's path is too long, or there is no Envoy.
        """
        self._runtime = runtime.absolute()
        self._log = log
        self._concurrency = concurrency
        self._on_respawn = on_respawn
        self._drain_seconds = drain_seconds
        self._environment = dict(environment or {})
        self._admin = Admin(self._runtime / "admin.sock")
        self._binary = find_envoy()
        self._bootstrap = bootstrap(
            node=node,
            ads_socket=ads_socket,
            admin_socket=self._admin.socket,
            spans_socket=self._runtime / SPANS_SOCKET,
            max_connections=min(MAX_CONNECTIONS, open_files() // 2),  # a request holds a connection on either side
        )
        self._process: Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def identity(self) -> Identity | None:
        """To be kept for `adopt`; changes with every respawn. None before the start."""
        return self._process.identity if self._process else None

    async def start(self) -> None:
        """Until its admin interface answers; it listens once it has a config. Raises EnvoyFailed.

        An Envoy that still answers there is ended first: its identity got lost when Turnout was killed.
        """
        await self._end_stray()
        bootstrap_file = self._bootstrap_file
        bootstrap_file.write_text(self._bootstrap)
        bootstrap_file.chmod(0o600)
        said_before = self._log.stat().st_size if self._log.exists() else 0
        process = self._process = self._spawn()
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answers(process)
        except TimeoutError:
            await process.stop(TERM_SECONDS)
        if not process.running():
            raise EnvoyFailed("Envoy did not start", f"it said: {self._last_words(said_before)}")
        self._supervise()

    async def adopt(self, identity: Identity) -> bool:
        """Takes over an Envoy that an earlier Turnout started. False: nothing of it is left, start another.

        One that hangs, or was started with another bootstrap than ours, is ended.
        """
        process = Process.adopt(identity)
        if process is None:
            return False
        if not await self._is_ours():
            await process.stop(TERM_SECONDS)
            return False
        self._process = process
        self._supervise()
        return True

    async def stop(self) -> None:
        """Refuses new connections, lets requests end for `drain_seconds`, then ends the process."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None
        process, self._process = self._process, None
        if process is None or not process.running():
            return
        if not await self._drained():
            process.signal(signal.SIGKILL)  # with mirrored requests under way, SIGTERM makes it abort and dump core
        await process.stop(TERM_SECONDS)

    async def admin(self, method: str, path: str, body: bytes = b"") -> Answer:
        """One question to the admin interface: HTTP status and body. Raises EnvoyFailed."""
        return await self._admin.request(method, path, body)

    async def ready(self) -> None:
        """Waits until Envoy serves its first config. Bound it with `asyncio.timeout`."""
        while True:
            with suppress(EnvoyFailed):
                if (await self.admin("GET", "/ready"))[0] == 200:
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def active_requests(self, address: str) -> int:
        """Requests under way to `ip:port`, over all clusters. Raises EnvoyFailed."""
        _, body = await self.admin("GET", "/clusters?format=json")
        clusters = json.loads(body).get("cluster_statuses", [])
        hosts = (host for cluster in clusters for host in cluster.get("host_statuses", []))
        return sum(_active(host) for host in hosts if _address(host) == address)

    @property
    def _bootstrap_file(self) -> Path:
        return self._runtime / "envoy.json"

    def _spawn(self) -> Process:
        argv = command(self._binary, self._bootstrap_file, self._concurrency)
        env = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        return Process.spawn(argv, cwd=self._runtime, env=env | self._environment, log=self._log)

    async def _end_stray(self) -> None:
        with suppress(EnvoyFailed, TimeoutError):
            async with asyncio.timeout(TERM_SECONDS):
                await self.admin("POST", "/quitquitquit")
                while True:  # until nobody answers
                    await self.admin("GET", "/server_info")
                    await asyncio.sleep(POLL_SECONDS)

    async def _answers(self, process: Process) -> None:
        while process.running():
            with suppress(EnvoyFailed):
                await self.admin("GET", "/server_info")
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _is_ours(self) -> bool:
        try:
            same = self._bootstrap_file.read_text() == self._bootstrap
            return same and (await self.admin("GET", "/server_info"))[0] == 200
        except (OSError, EnvoyFailed):
            return False

    def _last_words(self, offset: int) -> str:
        with suppress(OSError), self._log.open("rb") as log:
            log.seek(max(offset, self._log.stat().st_size - LOG_TAIL_BYTES))
            return log.read(LOG_TAIL_BYTES).decode(errors="replace").strip()
        return ""

    def _supervise(self) -> None:
        self._supervisor = asyncio.create_task(self._respawn_forever(), name="envoy supervisor")

    async def _respawn_forever(self) -> None:
        now = asyncio.get_running_loop().time
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            started = now()
            status = await self._process.wait() if self._process else None
            if now() - started > STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            _log.warning("Envoy ended with status %s; starting another in %g s", status, pause_seconds)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
            self._respawn()

    def _respawn(self) -> None:
        try:
            self._process = self._spawn()
        except TurnoutError as error:  # the next round tries again
            _log.error("Envoy cannot be started: %s", error)
        else:
            self._on_respawn(self._process.identity)

    async def _drained(self) -> bool:
        """Whether no request is left. Kept-alive connections are told to close at their next answer."""
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self.admin("POST", "/drain_listeners")
                await self.admin("POST", "/healthcheck/fail")
                while await self._requests():  # noqa: ASYNC110 - Envoy does not tell, it must be asked
                    await asyncio.sleep(POLL_SECONDS)
        except (TimeoutError, EnvoyFailed):
            return False
        return True

    async def _requests(self) -> int:
        """Requests to all clusters, mirrored ones too; the stream to our own ADS server is one that never ends."""
        own = tuple(f"cluster.{name}." for name in (ADS_CLUSTER, SPANS_CLUSTER))
        _, body = await self.admin("GET", "/stats?type=Gauges&filter=upstream_rq_(pending_)?active$")
        lines = (line.rsplit(": ", 1) for line in body.decode().splitlines())
        return sum(int(value) for name, value in lines if not name.startswith(own))


def _address(host: dict[str, dict[str, dict[str, object]]]) -> str:
    socket = host.get("address", {}).get("socket_address", {})
    return f"{socket.get('address')}:{socket.get('port_value')}"


def _active(host: dict[str, list[dict[str, str]]]) -> int:
    return sum(int(stat.get("value", 0)) for stat in host.get("stats", []) if stat.get("name") == "rq_active")
