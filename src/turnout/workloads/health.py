"""How one pod is: startup gates readiness and liveness, readiness puts it in service, liveness ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from turnout.resources.core import Probe, TcpSocketAction
from turnout.workloads.probes import Target, Verdict, check_of, verdicts
from turnout.workloads.status import UNDECLARED_PORT
from turnout.workloads.workload import Workload

NEVER = 1_000_000_000
"""Looks that may fail before a process that does not listen counts as failed: a slow start is no failure."""

Report = Callable[[bool | None, str], None]
"""Readiness (None: not known yet) and, if it is not ready, why."""


async def health(workload: Workload, target: Target, report: Report, *, started: bool = False) -> str:
    """Reports readiness whenever it was looked at; returns why the process must be killed, if ever it must.

    `started`: it was ready before, and has been adopted; its startup probe is behind it.
    """
    if workload.startup is not None and not started:
        verdict = await _decided(workload.startup, target)
        if not verdict.passing:
            return f"startup probe failed: {verdict.reason}"
    probing = [asyncio.ensure_future(_readiness(workload, target, report))]
    if workload.liveness is not None and not workload.attach:
        probing.append(asyncio.ensure_future(_liveness(workload.liveness, target)))
    try:
        done, _ = await asyncio.wait(probing, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in probing:
            task.cancel()
        await asyncio.gather(*probing, return_exceptions=True)


async def _decided(probe: Probe, target: Target) -> Verdict:
    """The first verdict that a threshold stands behind."""
    async with aclosing(verdicts(probe, check_of(probe, target), eager=_cheap(probe))) as looks:
        async for verdict in looks:
            if verdict.passing is not None:
                return verdict
    raise AssertionError("looks never end")


async def _liveness(probe: Probe, target: Target) -> str:
    async with aclosing(verdicts(probe, check_of(probe, target))) as looks:
        async for verdict in looks:
            if verdict.passing is False:
                return f"liveness probe failed: {verdict.reason}"
    raise AssertionError("looks never end")


async def _readiness(workload: Workload, target: Target, report: Report) -> str:
    probe = workload.readiness or _listening(workload)
    what = "readiness probe: " if workload.readiness is not None else "not listening: "
    if probe is None:
        report(True, "")
    else:
        async with aclosing(verdicts(probe, check_of(probe, target), eager=_cheap(probe))) as looks:
            async for verdict in looks:
                report(verdict.passing, what + verdict.reason if verdict.reason else "")
                if verdict.passing and workload.readiness is None and not workload.attach:
                    break  # as in Kubernetes, a process without a probe stays ready until it ends
    forever: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await forever


def _listening(workload: Workload) -> Probe | None:
    """Stands in for a missing readiness probe: a process is in service once it listens on its port.

    Kubernetes would send traffic at once, and lose it. A process that declares no port has nothing to wait for. What
    is attached is looked at for ever, as its end raises no event.
    """
    if workload.attach:
        port = workload.ports[0].container_port if workload.ports else UNDECLARED_PORT
        return Probe(tcp_socket=TcpSocketAction(port), period_seconds=1, failure_threshold=1)
    if not workload.ports:
        return None
    action = TcpSocketAction(workload.ports[0].container_port)
    return Probe(tcp_socket=action, period_seconds=1, failure_threshold=NEVER)


def _cheap(probe: Probe) -> bool:
    """Whether extra looks may be had for next to nothing: a connection, not a process."""
    return probe.exec is None
