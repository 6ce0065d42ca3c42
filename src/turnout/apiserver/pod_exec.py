"""`kubectl exec`: a program run where a pod's process runs, its streams over a WebSocket.

The protocol is Kubernetes' `v5.channel.k8s.io` (KEP-4006): the first byte of each message says which stream it is.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import struct
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from turnout.apiserver.status import StatusError, bad_request, not_found, status_object
from turnout.apiserver.store import Store
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import POD

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
READ_BYTES = 32 << 10
MAX_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a program sees that is run beside a pod's own: folder and environment, or a container with its engine."""

    folder: Path
    environment: Mapping[str, str]
    engine: str = ""
    container: str = ""

    def words(self, command: Sequence[str], *, tty: bool) -> list[str]:
        """What is to be run, from this machine."""
        if not self.engine:
            return [*command]
        return [self.engine, "exec", "--interactive", *(["--tty"] if tty else []), self.container, *command]


Inside = Callable[[str, str], Surroundings]
"""The surroundings of a pod's process, by namespace and name. Raises ApiError where there are none."""


class PodExec:
    """The subresource `exec` of Pods."""

    def __init__(self, store: Store, inside: Inside | None) -> None:
        self._store = store
        self._inside = inside
        self._open = 0

    async def refuse(self, request: Request) -> NoReturn:
        """To a client that does not ask for a WebSocket, the reason. Raises StatusError 400, 404."""
        self._surroundings(request.path_params)
        raise bad_request(f"exec speaks WebSocket ({PROTOCOLS[0]}): kubectl 1.31 and later do so by default")

    async def forward(self, request: Request) -> NoReturn:
        """`kubectl port-forward` is not needed: the pod is here. Raises StatusError 400, 404, and says where."""
        pod = self._pod(request.path_params)
        annotations = pod["metadata"].get("annotations") or {}
        ports = json.loads(annotations.get("turnout.dev/ports", "{}"))
        places = ", ".join(f"{port} is 127.0.0.1:{actual}" for port, actual in ports.items())
        raise bad_request(
            f"nothing has to be forwarded: the pod listens on this machine ({places or 'on no port yet'})"
        )

    async def attach(self, request: Request) -> NoReturn:
        """What a process prints goes to a file. Raises StatusError 400, 404."""
        self._pod(request.path_params)
        raise bad_request("the process has no terminal to attach to: read what it prints with `kubectl logs -f`")

    async def serve(self, socket: WebSocket) -> None:
        """One session, until the program has ended or its reader is gone."""
        asked = socket.query_params
        try:
            where = self._surroundings(socket.path_params)
            protocol = next((name for name in PROTOCOLS if name in socket.scope.get("subprotocols", ())), None)
            if protocol is None or not asked.getlist("command"):
                raise bad_request(f"exec needs a command and the protocol {PROTOCOLS[0]}")
            if self._open >= MAX_SESSIONS:
                raise StatusError(429, "TooManyRequests", f"{MAX_SESSIONS} programs are running; try again later")
        except TurnoutError as error:
            code = error.status if isinstance(error, ApiError) else 500
            await socket.send_denial_response(JSONResponse(status_object(error), code))
            return
        await socket.accept(protocol)
        self._open += 1
        try:
            has_tty = asked.get("tty") in ("true", "1")
            await _Session(socket, where, asked.getlist("command"), tty=has_tty).run()
        finally:
            self._open -= 1

    def _pod(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        pod = self._store.get(POD, parameters["namespace"], parameters["name"])
        if pod is None:
            raise not_found(POD, parameters["name"])
        return pod

    def _surroundings(self, parameters: Mapping[str, str]) -> Surroundings:
        self._pod(parameters)
        if self._inside is None:
            raise bad_request("no program can be run here")
        return self._inside(parameters["namespace"], parameters["name"])


class _Session:
    def __init__(self, socket: WebSocket, where: Surroundings, command: Sequence[str], *, tty: bool) -> None:
        self._socket = socket
        self._where = where
        self._command = command
        self._terminal = os.openpty() if tty else None
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        try:
            self._process = await self._started()
        except OSError as error:
            await self._end(_failure(f"{self._command[0]}: {error.strerror}", 127))
            return
        heard = asyncio.create_task(self._hear())
        ended = asyncio.create_task(self._told())
        try:
            await asyncio.wait([heard, ended], return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await self._end(_outcome(ended.result()))
        finally:
            for task in (heard, ended):
                task.cancel()
            await asyncio.gather(heard, ended, return_exceptions=True)
            self._close()

    async def _started(self) -> asyncio.subprocess.Process:
        options: dict[str, Any] = {"cwd": self._where.folder, "env": dict(self._where.environment)}
        if self._terminal is None:
            pipe = asyncio.subprocess.PIPE
            return await asyncio.create_subprocess_exec(
                *self._where.words(self._command, tty=False),
                **options,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                start_new_session=True,
            )
        # A terminal that the leader of a new session opens is its own: so Ctrl-C reaches what runs there.
        name = os.ttyname(self._terminal[1])
        words = ("/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', name, *self._where.words(self._command, tty=True))
        nothing = asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            *words, **options, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )

    async def _told(self) -> int:
        """Passes on what the program says; its exit status, once it has ended and all is said."""
        assert self._process is not None
        if self._terminal is not None:
            saying = asyncio.create_task(self._screen(self._terminal[0]))
            status = await self._process.wait()
            await asyncio.sleep(0)
            saying.cancel()
            with suppress(asyncio.CancelledError):
                await saying
            await self._rest(self._terminal[0])
            return status
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await asyncio.gather(self._say(self._process.stdout, STDOUT), self._say(self._process.stderr, STDERR))
        return await self._process.wait()

    async def _say(self, stream: asyncio.StreamReader, channel: int) -> None:
        while data := await stream.read(READ_BYTES):
            await self._socket.send_bytes(bytes([channel]) + data)

    async def _screen(self, terminal: int) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        os.set_blocking(terminal, False)
        loop.add_reader(terminal, ready.set)
        try:
            while True:
                await ready.wait()
                ready.clear()
                await self._rest(terminal)
        finally:
            loop.remove_reader(terminal)

    async def _rest(self, terminal: int) -> None:
        with suppress(OSError):  # nothing more to read
            while data := os.read(terminal, READ_BYTES):
                await self._socket.send_bytes(bytes([STDOUT]) + data)

    async def _hear(self) -> None:
        """Passes on what the client says, until it is gone."""
        with suppress(WebSocketDisconnect, ConnectionError):
            while True:
                message = await self._socket.receive_bytes()
                if message[:1]:
                    await self._take(message[0], message[1:])

    async def _take(self, channel: int, data: bytes) -> None:
        assert self._process is not None
        stdin = self._process.stdin
        if channel == RESIZE and self._terminal is not None:
            _resize(self._terminal[0], data)
        elif channel == STDIN and self._terminal is not None:
            os.write(self._terminal[0], data)
        elif channel == STDIN and stdin is not None:
            stdin.write(data)
            await stdin.drain()
        elif channel == CLOSE and stdin is not None:
            stdin.close()

    async def _end(self, status: Mapping[str, Any]) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):  # whoever asked is gone
            await self._socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
            await self._socket.close()

    def _close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for end in self._terminal or ():
            os.close(end)


def _resize(terminal: int, data: bytes) -> None:
    with suppress(ValueError, TypeError, AttributeError, struct.error, OSError):
        size = json.loads(data)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["Height"], size["Width"], 0, 0))


def _outcome(status: int) -> dict[str, Any]:
    if status == 0:
        return {"metadata": {}, "status": "Success"}
    code = 128 - status if status < 0 else status
    return _failure(f"command terminated with non-zero exit code: exit status {code}", code)


def _failure(message: str, code: int) -> dict[str, Any]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    failed = {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message}
    return {**failed, "details": {"causes": causes}}
