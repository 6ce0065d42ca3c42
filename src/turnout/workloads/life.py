"""What happens to a pod: built, started, probed, started again when it ends, drained, stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from turnout.error import TurnoutError
from turnout.workloads.astray import astray
from turnout.workloads.backoff import Backoff
from turnout.workloads.draining import drain
from turnout.workloads.environment import environment
from turnout.workloads.health import health
from turnout.workloads.launcher import beside, listening, reference
from turnout.workloads.logs import path_of, size, tail
from turnout.workloads.plan import attached
from turnout.workloads.pod import Pod
from turnout.workloads.ports import free
from turnout.workloads.probes import Target
from turnout.workloads.running import Running
from turnout.workloads.status import UNDECLARED_PORT
from turnout.workloads.workload import Workload

LAST_GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL at least, even if draining has used up the grace period."""
DIAGNOSIS_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""After the start, when a process that is not ready is looked at: where does it listen instead?"""
ATTACH_RETRY_SECONDS = 5.0

Work = Callable[[], Coroutine[None, None, None]]


class Life:
    """Carries one pod from start to end, as one task at a time. Without a workload (adopted) it only sees the end."""

    def __init__(self, pod: Pod, workload: Workload | None = None) -> None:
        self.pod = pod
        self._workload = workload
        self._host = pod.host
        self._backoff = Backoff()
        self._astray = ""
        self._task: asyncio.Task[None] | None = None

    # What its workload asks of it.

    def start(self) -> None:
        """Build, process, probes; for an adopted pod: until its process ends."""
        self._run(self._live if self._workload else self._outlive)

    def resume(self, workload: Workload) -> None:
        """An adopted pod learns what it runs: from now on it is probed, and started again when it ends."""
        if self._workload is None and not self.pod.status.draining:
            self._workload = workload
            self._run(self._live)

    def leave(self) -> None:
        """Out of service, drained, stopped, gone."""
        if not self.pod.status.draining:
            served = self.pod.served
            self.pod.show(draining=True, phase="draining")
            self._run(self._leave if served else self._end)

    async def stop(self, grace_seconds: float) -> None:
        """At once and without draining: Turnout itself is going."""
        self.pod.grace_seconds = min(self.pod.grace_seconds, grace_seconds)
        self._run(self._end)
        assert self._task is not None
        await asyncio.wait([self._task])

    def _run(self, work: Work) -> None:
        before, self._task = self._task, asyncio.create_task(_after(self._task, work))
        self._task.add_done_callback(self._check)
        if before is not None:
            before.cancel()

    def _check(self, task: asyncio.Task[None]) -> None:
        """A bug of ours must not look like a pod that does nothing."""
        if not task.cancelled() and (error := task.exception()):
            self.pod.show(phase="failed", ready=False, message=f"internal error: {error!r}")
            context = {"message": f"pod {self.pod.status.name}", "exception": error, "task": task}
            asyncio.get_running_loop().call_exception_handler(context)

    # From start to end.

    async def _live(self) -> None:
        workload = self._workload
        assert workload is not None
        if workload.fault:
            self.pod.show(phase="failed", message=workload.fault)
        elif workload.attach:
            await self._attached(workload, workload.attach)
        elif self.pod.process is not None or await self._built(workload):
            while True:
                began = time.monotonic()
                ended = await self._run_once(workload)
                self._backoff = self._backoff.after(time.monotonic() - began)
                await self._pause(ended)

    async def _built(self, workload: Workload) -> bool:
        if workload.build is not None:
            self.pod.show(phase="building")
        message = await self._host.builds.built(workload, path_of(self._host.logs, f"{workload.name}-build"))
        if message:
            self.pod.show(phase="failed", message=message)
        return not message

    async def _run_once(self, workload: Workload) -> str:
        """One process, from its start (or adoption) to its end; why it ended."""
        pod, began = self.pod, time.monotonic()
        offset = size(pod.log)
        try:
            process = pod.process or await self._spawn(workload)
        except TurnoutError as error:
            return f"{error.message}; {error.hint}" if error.hint else error.message
        ill = await self._watch(workload, process)
        pod.show(ready=False)  # out of service before anything else is done
        await process.stop(pod.grace_seconds if ill else 0.0)  # with PID 1 the rest of a container dies at once, too
        pod.process = None
        pod.show(pid=None, container="")
        return ill or obituary(await process.wait(), time.monotonic() - began, tail(pod.log, 1, since=offset))

    async def _pause(self, ended: str) -> None:
        delay = self._backoff.delay_seconds
        again = f"; next start in {delay:.0f} s" if delay else ""
        self.pod.show(phase="crash-loop", message=ended + again)
        await asyncio.sleep(delay)
        self.pod.show(restarts=self.pod.status.restarts + 1)

    async def _spawn(self, workload: Workload) -> Running:
        pod = self.pod
        ports = self._assign_ports(workload)
        pod.show(phase="starting", ports=ports)
        pod.process = await self._host.launcher.start(workload, pod.status.name, ports, pod.log)
        self._astray = ""
        pod.show(pid=pod.process.pid, container=reference(pod.process), started_at=time.time())
        return pod.process

    def _assign_ports(self, workload: Workload) -> Mapping[int, int]:
        """Those it had, unless somebody took one meanwhile."""
        held = self.pod.status.ports
        wanted = [port.container_port for port in workload.ports] or [UNDECLARED_PORT]
        kept = {port: held[port] for port in wanted if port in held and free(held[port])}
        for port in set(held.values()) - set(kept.values()):
            self._host.ports.give_back(port)
        return {port: kept[port] if port in kept else self._host.ports.take() for port in wanted}

    async def _watch(self, workload: Workload, process: Running) -> str:
        """Until it has ended ("" then) or its probes say that it must (why)."""
        status = self.pod.status
        environ = environment(workload, status.name, status.ports, self._host.outer)
        inside, own = beside(process), listening(workload, process)
        target = Target(status.address, status.ports, workload.ports, workload.cwd, environ, inside, own)
        ended = asyncio.ensure_future(process.wait())
        ill = asyncio.ensure_future(health(workload, target, self._report, started=status.ready))
        astray = asyncio.ensure_future(self._diagnose(workload, process))
        try:
            await asyncio.wait((ended, ill), return_when=asyncio.FIRST_COMPLETED)
            return "" if ended.done() else ill.result()
        finally:
            await _cancel(ended, ill, astray)

    async def _attached(self, workload: Workload, address: str) -> None:
        """Nothing to start, nothing to stop; only its probes say how it is."""
        host, port = attached(address)
        while True:
            try:
                ip = await _resolve(host)
                ports = dict.fromkeys([p.container_port for p in workload.ports] or [UNDECLARED_PORT], port)
                self.pod.show(address=ip, ports=ports, phase="starting")
                target = Target(ip, ports, workload.ports, workload.cwd, self._host.outer)
                message = await health(workload, target, self._report)
            except OSError as error:
                message = f"attach: {host}: {error.strerror or error}"
            self.pod.show(ready=False, phase="failed", message=message)
            await asyncio.sleep(ATTACH_RETRY_SECONDS)

    def _report(self, ready: bool | None, why: str) -> None:
        if ready:
            self.pod.show(ready=True, phase="running", message="")
        elif ready is False:
            self.pod.show(ready=False, message=self._astray or why)
        elif not self.pod.status.ready and not self.pod.status.message:
            self.pod.show(message=why)

    async def _diagnose(self, workload: Workload, process: Running) -> None:
        """A process that is not ready may listen elsewhere than on its port: the most common mistake of all."""
        before = 0.0
        for after in DIAGNOSIS_SECONDS:
            await asyncio.sleep(after - before)
            before = after
            if self.pod.status.ready:
                return
            found = await asyncio.to_thread(astray, workload, process, self.pod.status.ports)
            if found:
                self._astray = found
                self.pod.show(message=found)

    # To its end.

    async def _outlive(self) -> None:
        """An adopted process whose workload is not known: when it ends, it is not started again."""
        if self.pod.process is not None:
            await self.pod.process.wait()
        self.pod.show(ready=False)
        await self._end()

    async def _leave(self) -> None:
        pod, began = self.pod, time.monotonic()
        if pod.process is not None:
            ended = asyncio.ensure_future(pod.process.wait())
            drained = asyncio.ensure_future(drain(self._host.mesh, pod.addresses, pod.grace_seconds))
            try:
                await asyncio.wait((ended, drained), return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(ended, drained)
        pod.grace_seconds = max(pod.grace_seconds - (time.monotonic() - began), LAST_GRACE_SECONDS)
        await self._end()

    async def _end(self) -> None:
        if self.pod.process is not None:
            await self.pod.process.stop(self.pod.grace_seconds)
        self.pod.end()


async def _after(before: asyncio.Task[None] | None, work: Work) -> None:
    """The new task begins when the old one has let go."""
    if before is not None:
        await asyncio.wait([before])
    await work()


async def _cancel(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _resolve(host: str) -> str:
    """An IPv4 address where there is one: of the two that `localhost` has, servers more often listen on that."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return str(min(found, key=lambda info: info[0] != socket.AF_INET)[4][0])


def obituary(status: int | None, ran_seconds: float, last_lines: Collection[str]) -> str:
    """How a process ended, in a sentence; its last words often say why."""
    words = "".join(f": {line}" for line in last_lines)
    return f"{_ending(status)} after {ran_seconds:.1f} s{words}"


def _ending(status: int | None) -> str:
    if status is None:  # not our child: nobody tells us
        return "ended"
    if status < 0:
        known = {number.value: number.name for number in signal.Signals}
        return f"killed by {known.get(-status, f'signal {-status}')}"
    if status in {126, 127}:  # POSIX shells: not executable, not found
        return f"exited with status {status} (command not {'found' if status == 127 else 'executable'})"
    return f"exited with status {status}"
