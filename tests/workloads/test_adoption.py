"""Turnout itself is killed: a second process is Turnout here, with a journal in a file."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from tests.workloads.machines import Machine

from turnout.process import Process
from turnout.workloads.journal import PodRecord

CONTROL = """
import asyncio, json, sys
from pathlib import Path
from tests.workloads.machines import Machine

async def main(folder):
    machine = Machine(folder)
    shell = ("/bin/sh", "-c", f"sleep 60 & {sys.executable} -S server.py; true")
    machine.workloads.reconcile([machine.server("app", replicas=2), machine.server("shell", run=shell)])
    await machine.all_ready(3)
    records = [record.to_json() for record in machine.journal.load()]
    (folder / "journal.new").write_text(json.dumps(records))
    (folder / "journal.new").rename(folder / "journal")
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
async def orphaned(tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine whose pods were left behind by a Turnout that was killed."""
    machine = Machine(tmp_path)
    path = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    control = Process.spawn(
        (sys.executable, "-c", CONTROL, str(tmp_path)),
        cwd=Path.cwd(),
        env={**os.environ, "PYTHONPATH": path},
        log=tmp_path / "control.log",
    )
    ended = asyncio.ensure_future(control.wait())
    async with asyncio.timeout(20):
        while not (tmp_path / "journal").exists():
            assert not ended.done(), (tmp_path / "control.log").read_text()
            await asyncio.sleep(0.02)
    os.kill(control.pid, signal.SIGKILL)
    await ended
    for record in json.loads((tmp_path / "journal").read_text()):
        machine.journal.save(PodRecord.from_json(record))
    yield machine
    await machine.workloads.stop(1.0)


async def test_pods_go_on_when_turnout_is_killed_and_are_adopted_with_their_pids(orphaned: Machine) -> None:
    machine = orphaned
    records = {record.name: record for record in machine.journal.load()}
    victim = next(record for record in records.values() if record.workload == "app")
    shell = next(record for record in records.values() if record.workload == "shell")
    grandchildren = [p for p in psutil.Process(shell.pid).children() if p.name() == "sleep"]
    assert grandchildren, "the shell's background job"
    os.kill(victim.pid, signal.SIGKILL)
    os.kill(shell.pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while Process.adopt(victim.identity) or Process.adopt(shell.identity):  # noqa: ASYNC110 - not our children
            await asyncio.sleep(0.01)
    await machine.workloads.adopt()
    (adopted,) = machine.workloads.pods()
    assert adopted.ready
    assert adopted.pid == records[adopted.name].pid
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in grandchildren)
    machine.workloads.reconcile([machine.server("app", replicas=2)])
    pods = await machine.all_ready(2)
    assert adopted.pid in {pod.pid for pod in pods}
    assert victim.name not in {pod.name for pod in pods}
    os.kill(adopted.pid or 0, signal.SIGKILL)
    again = await machine.one(lambda pod: pod.name == adopted.name and pod.restarts == 1 and pod.ready)
    assert again.ports == adopted.ports


async def test_adopted_pods_of_a_workload_that_nobody_wants_any_more_are_drained(orphaned: Machine) -> None:
    machine = orphaned
    pids = [record.pid for record in machine.journal.load()]
    await machine.workloads.adopt()
    machine.workloads.reconcile([])
    await machine.until(lambda pods: not pods)
    assert not machine.journal.records
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


async def test_a_pod_that_was_draining_goes_on_to_drain(orphaned: Machine) -> None:
    machine = orphaned
    for record in machine.journal.load():
        machine.journal.save(PodRecord.from_json(record.to_json() | {"draining": True}))
    await machine.workloads.adopt()
    assert all(pod.draining for pod in machine.workloads.pods())
    machine.workloads.reconcile([machine.server("app")])
    (pod,) = await machine.all_ready(1)
    assert pod.workload == "app"
