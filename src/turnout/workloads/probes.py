"""Probes with Kubernetes' meaning: what is asked, how often, and how many answers in a row make a verdict.

Source: Kubernetes, "Configure Liveness, Readiness and Startup Probes"; kubelet's prober. `grpc` probes are not read.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from turnout.error import ProgramNotFound
from turnout.process import Process
from turnout.resources.core import ContainerPort, ExecAction, HttpGetAction, Probe
from turnout.workloads.status import UNDECLARED_PORT

BODY_BYTES = 10 * 1024
"""Of an answer's body no more is read, as in kubelet."""
FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """One pod, as its probes reach it."""

    address: str
    ports: Mapping[int, int]
    declared: Sequence[ContainerPort] = ()
    cwd: Path = Path()
    environment: Mapping[str, str] | None = None
    beside: tuple[str, ...] = ()
    """What stands before the command of an `exec` probe, so that it runs in the pod's container."""
    listening: Callable[[], Collection[int]] | None = None
    """Of a network of its own: the ports listened on there. A connection says nothing: a forwarder takes it anyhow."""

    def port(self, wanted: int | str) -> int | None:
        """The real port behind a container port or its name; None for an unknown name."""
        for port in self.declared:
            if wanted in (port.name, port.container_port, str(port.container_port)):
                return self.ports.get(port.container_port)
        if isinstance(wanted, str) and not wanted.isdecimal():
            return None
        return int(wanted) if self.declared else self.ports.get(UNDECLARED_PORT, int(wanted))

    def listens(self, wanted: int | str) -> Outcome:
        """Whether its own network has a listener on a container port, or its name."""
        names = {port.name: port.container_port for port in self.declared}
        port = names.get(str(wanted), wanted)
        assert self.listening is not None
        return Outcome(str(port) in map(str, self.listening()), "connection refused")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One look: `reason` says what went wrong."""

    success: bool
    reason: str = ""


SUCCESS = Outcome(True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the looks so far add up to. `passing` is None until a threshold has been reached for the first time."""

    passing: bool | None = None
    reason: str = ""
    streak: int = 0
    last: bool | None = None

    def after(self, outcome: Outcome, probe: Probe) -> Verdict:
        """With one more look: only so many equal ones in a row change what was."""
        streak = self.streak + 1 if outcome.success == self.last else 1
        threshold = probe.success_threshold if outcome.success else probe.failure_threshold
        passing = outcome.success if streak >= threshold else self.passing
        return Verdict(passing, outcome.reason or ("" if passing else self.reason), streak, outcome.success)


Check = Callable[[], Awaitable[Outcome]]
Pause = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


async def verdicts(
    probe: Probe, check: Check, *, eager: bool = False, pause: Pause = asyncio.sleep, clock: Clock | None = None
) -> AsyncGenerator[Verdict]:
    """The verdict after each look, for ever: one look per period, the first after the initial delay.

    `eager`: until it passes for the first time, look in between too. Such a look counts only if it succeeds, so that
    a pod is in service as soon as it can be, and has as long as in Kubernetes before it counts as failed.
    """
    now = clock or asyncio.get_running_loop().time
    verdict, look = Verdict(), FIRST_LOOK_SECONDS
    await pause(probe.initial_delay_seconds)
    while True:
        due = now() + probe.period_seconds
        verdict = verdict.after(await check(), probe)
        yield verdict
        while eager and verdict.passing is None and probe.success_threshold <= 1 and now() + look < due:
            await pause(look)
            look = min(look * 1.5, LONGEST_LOOK_SECONDS)
            if (outcome := await check()).success:
                verdict = verdict.after(outcome, probe)
                yield verdict
        await pause(max(due - now(), 0.0))


def check_of(probe: Probe, target: Target) -> Check:
    """The look that a probe asks for, never longer than its timeout, never raising."""

    async def bounded() -> Outcome:
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await _look(probe, target)
        except TimeoutError:
            return Outcome(False, f"no answer within {probe.timeout_seconds} s")
        except OSError as error:
            return Outcome(False, _refusal(error))

    return bounded


async def _look(probe: Probe, target: Target) -> Outcome:
    if probe.http_get is not None:
        return await _http(probe.http_get, target)
    if probe.exec is not None:
        return await _exec(probe.exec, target)
    if probe.tcp_socket is not None and target.listening is not None and not probe.tcp_socket.host:
        return target.listens(probe.tcp_socket.port)
    if probe.tcp_socket is not None:
        return await _tcp(probe.tcp_socket.host or target.address, target.port(probe.tcp_socket.port))
    return SUCCESS


async def _tcp(host: str, port: int | None) -> Outcome:
    if port is None:
        return Outcome(False, "the probe names a port that the pod does not have")
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return SUCCESS


async def _http(action: HttpGetAction, target: Target) -> Outcome:
    port = target.port(action.port)
    if port is None:
        return Outcome(False, f"the probe names port {action.port!r}, which the pod does not have")
    secure = _unverified() if action.scheme.upper() == "HTTPS" else None
    reader, writer = await asyncio.open_connection(action.host or target.address, port, ssl=secure, limit=BODY_BYTES)
    try:
        writer.write(_request(action, port, action.host or target.address))
        status = _status(await reader.readline())
        if status is not None:
            await reader.read(BODY_BYTES)  # a server that is cut off too early complains in its log
    except ValueError:  # a status line over the reader's limit
        status = None
    finally:
        writer.transport.abort()  # the answer is known; a server that keeps the connection open must not hold us
    if status is None:
        return Outcome(False, f"GET {action.path}: not an HTTP answer")
    return SUCCESS if 200 <= status < 400 else Outcome(False, f"GET {action.path} answered {status}")


def _request(action: HttpGetAction, port: int, host: str) -> bytes:
    """HTTP/1.1 (RFC 9112); a header of the probe wins over the default of the same name."""
    headers = {"host": ("Host", f"{host}:{port}"), "user-agent": ("User-Agent", "kube-probe/1.34")}
    headers |= {"accept": ("Accept", "*/*"), "connection": ("Connection", "close")}
    headers |= {header.name.lower(): (header.name, header.value) for header in action.http_headers}
    path = action.path if action.path.startswith("/") else "/" + action.path
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.values())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _status(line: bytes) -> int | None:
    parts = line.split(maxsplit=2)
    fits = len(parts) >= 2 and parts[0].startswith(b"HTTP/") and parts[1].isdigit()
    return int(parts[1]) if fits else None


def _unverified() -> ssl.SSLContext:
    """Kubelet does not verify certificates either: they are for the service's name, not for the pod's address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _exec(action: ExecAction, target: Target) -> Outcome:
    """Run beside the pod's process, with its environment, or in its container; the output goes nowhere."""
    if not action.command:
        return Outcome(False, "the probe has no command")
    try:
        environment = os.environ if target.environment is None else target.environment
        process = Process.spawn(
            (*target.beside, *action.command), cwd=target.cwd, env=environment, log=Path(os.devnull)
        )
    except ProgramNotFound as error:
        return Outcome(False, error.message)
    try:
        status = await process.wait()
    finally:
        await asyncio.shield(process.stop(0.0))
    return SUCCESS if status == 0 else Outcome(False, f"`{action.command[0]}` exited with status {status}")


def _refusal(error: OSError) -> str:
    """One that ends in `[Errno 111] Connect call failed ('127.0.0.1', 1)` says too little and too much."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return error.strerror or str(error) or type(error).__name__
