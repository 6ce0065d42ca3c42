from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace

import psutil
import pytest
from tests.workloads.machines import Machine

from turnout.resources.core import ContainerPort, ExecAction, HttpGetAction, Probe
from turnout.workloads.logs import follow
from turnout.workloads.status import PodStatus


def get(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return connection.recv(1000)


def alive(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_replicas_run_each_on_its_own_port(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(replicas=2, labels={"version": "v1"})])
    pods = await machine.all_ready(2)
    ports = [pod.ports[8080] for pod in pods]
    assert len(set(ports)) == 2
    assert all(get(port).startswith(b"HTTP/1.1 200") for port in ports)
    assert {pod.phase for pod in pods} == {"running"}
    assert pods[0].labels == {"version": "v1"}
    assert pods[0].started_at is not None


async def test_a_pod_without_probe_is_ready_only_once_it_listens(machine: Machine) -> None:
    slow = f"import time; time.sleep(0.5); exec(open({str(machine.folder / 'server.py')!r}).read())"
    machine.workloads.reconcile([machine.script(slow)])
    pod = await machine.one(lambda pod: pod.phase == "starting")
    assert not pod.ready
    (pod,) = await machine.all_ready(1)
    assert get(pod.ports[8080])


async def test_a_pod_that_declares_no_port_is_ready_at_once(machine: Machine) -> None:
    machine.workloads.reconcile([machine.script("import time; time.sleep(60)", ports=())])
    (pod,) = await machine.all_ready(1)
    assert list(pod.ports) == [0]


async def test_scaling_goes_up_and_down(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (first,) = await machine.all_ready(1)
    machine.workloads.reconcile([machine.server(replicas=3)])
    await machine.all_ready(3)
    machine.workloads.reconcile([machine.server()])
    (left,) = await machine.all_ready(1)
    assert left.name == first.name
    machine.workloads.reconcile([machine.server(replicas=0)])
    await machine.until(lambda pods: not pods)


async def test_a_workload_that_is_not_wanted_any_more_is_drained_and_forgotten(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server("a"), machine.server("b")])
    pods = await machine.all_ready(2)
    machine.workloads.reconcile([machine.server("b")])
    await machine.until(lambda pods: len(pods) == 1)
    assert not alive(pods[0].pid)
    assert list(machine.journal.records) == [pods[1].name]


async def test_a_killed_pod_leaves_at_once_and_comes_back_on_its_port(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (pod,) = await machine.all_ready(1)
    assert pod.pid is not None
    seen = len(machine.history)
    os.kill(pod.pid, signal.SIGKILL)
    await machine.until(lambda pods: not pods[0].ready)
    first = machine.history[seen][0]
    assert not first.ready, "the first that is heard of it is that it is out of service"
    (again,) = await machine.all_ready(1)
    assert again.name == pod.name
    assert again.pid != pod.pid
    assert again.restarts == 1
    assert again.ports == pod.ports
    assert again.message == ""


async def test_a_port_that_was_taken_meanwhile_is_given_up(machine: Machine) -> None:
    fail = "import os, sys, time\nwhile not os.path.exists('go'): time.sleep(.01)\nos.remove('go'); sys.exit(3)"
    machine.workloads.reconcile([machine.script(fail)])
    pod = await machine.one(lambda pod: pod.pid)
    with socket.create_server(("127.0.0.1", pod.ports[8080])):
        (machine.folder / "go").touch()
        again = await machine.one(lambda pod: pod.restarts == 1 and pod.pid)
    assert again.ports != pod.ports


async def test_a_crash_loop_says_why_and_waits_longer_each_time(machine: Machine) -> None:
    machine.workloads.reconcile([machine.script("raise SystemExit('no such table: users')")])
    pod = await machine.one(lambda pod: pod.restarts == 1 and pod.phase == "crash-loop" and pod.pid is None)
    assert pod.message.startswith("exited with status 1 after ")
    assert pod.message.endswith("s: no such table: users; next start in 1 s")
    pod = await machine.one(lambda pod: pod.restarts == 2 and pod.phase == "crash-loop" and pod.pid is None)
    assert pod.message.endswith("next start in 2 s")


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (("no-such-server", "--fast"), "`no-such-server` was not found"),
        (("/bin/sh", "-c", "no-such-server --fast"), "exited with status 127 (command not found)"),
    ],
)
async def test_a_run_command_that_is_not_found_is_named(machine: Machine, run: tuple[str, ...], message: str) -> None:
    machine.workloads.reconcile([machine.server(run=run)])
    pod = await machine.one(lambda pod: pod.phase == "crash-loop" and pod.message)
    assert message in pod.message
    assert "no-such-server" in pod.message


async def test_a_process_that_listens_elsewhere_is_told_where(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    machine.workloads.reconcile([machine.server(env=(("FIXED_PORT", str(port)),))])
    pod = await machine.one(lambda pod: "listens on port" in pod.message)
    assert pod.message.startswith(f"listens on port {port} instead of its PORT, {pod.ports[8080]}")
    assert not pod.ready


async def test_a_new_version_comes_up_before_the_old_one_goes(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(replicas=2)])
    old = {pod.name for pod in await machine.all_ready(2)}
    machine.history.clear()
    machine.workloads.reconcile([machine.server(replicas=2, source="2")])
    await machine.until(lambda pods: len(pods) == 2 and not old & {pod.name for pod in pods} and pods[1].ready)
    for pods in machine.history:
        serving = [pod for pod in pods if not pod.draining]
        assert sum(pod.ready for pod in serving) >= 2, "maxUnavailable 0"
        assert len(serving) <= 3, "maxSurge 1"


async def test_an_old_pod_stays_until_envoy_knows_the_new_one(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    await asyncio.sleep(0)
    machine.mesh.open.clear()
    machine.workloads.reconcile([machine.server(source="2")])
    await machine.until(lambda pods: sum(pod.ready for pod in pods) == 2)
    await asyncio.sleep(0.2)
    assert not any(pod.draining for pod in machine.workloads.pods())
    machine.mesh.open.set()
    await machine.until(lambda pods: len(pods) == 1)
    assert not alive(old.pid)


async def test_a_draining_pod_lives_until_its_requests_are_answered(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    address = f"127.0.0.1:{old.ports[8080]}"
    machine.mesh.active[address] = 1
    machine.workloads.reconcile([machine.server(source="2")])
    await machine.one(lambda pod: pod.draining)
    await asyncio.sleep(0.5)
    assert alive(old.pid)
    assert machine.mesh.asked.count(address) >= 2
    machine.mesh.active[address] = 0
    await machine.until(lambda pods: len(pods) == 1)
    assert not alive(old.pid)


async def test_a_pod_that_became_unready_is_drained_all_the_same(machine: Machine) -> None:
    readiness = Probe(http_get=HttpGetAction("/", 8080), period_seconds=1, failure_threshold=1)
    ill = machine.folder / "ill"
    machine.workloads.reconcile([machine.server(readiness=readiness, env=(("ILL", str(ill)),))])
    (busy,) = await machine.all_ready(1)
    ill.touch()
    await machine.one(lambda pod: not pod.ready)
    machine.mesh.active[f"127.0.0.1:{busy.ports[8080]}"] = 1
    machine.workloads.reconcile([])
    await machine.one(lambda pod: pod.draining)
    await asyncio.sleep(0.3)
    assert alive(busy.pid)
    machine.mesh.active.clear()
    await machine.until(lambda pods: not pods)


async def test_when_the_leader_ends_its_stubborn_children_do_not_delay_the_restart(machine: Machine) -> None:
    run = ("/bin/sh", "-c", f"(trap '' TERM; sleep 60) & {sys.executable} -S server.py; exit 7")
    machine.workloads.reconcile([machine.server(run=run, grace_seconds=60.0)])
    (pod,) = await machine.all_ready(1)
    os.kill(pod.pid or 0, signal.SIGKILL)
    again = await machine.one(lambda pod: pod.restarts == 1 and pod.ready)
    assert again.ports == pod.ports


async def test_draining_ends_with_the_grace_period(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(grace_seconds=0.5)])
    (old,) = await machine.all_ready(1)
    machine.mesh.active[f"127.0.0.1:{old.ports[8080]}"] = 1
    machine.workloads.reconcile([])
    await machine.until(lambda pods: not pods, within_seconds=3)
    assert not alive(old.pid)


async def test_a_version_that_never_becomes_ready_leaves_the_old_one_in_service(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    bad = machine.script("raise SystemExit(4)")
    machine.workloads.reconcile([bad])
    pod = await machine.one(lambda pod: pod.restarts == 2)
    assert "exited with status 4" in pod.message
    assert len(machine.workloads.pods()) == 2
    assert machine.workloads.pods()[0].ready
    machine.workloads.reconcile([machine.server(source="3")])
    pods = await machine.until(lambda pods: len(pods) == 1 and pods[0].ready and pods[0].name != old.name)
    assert pods[0].name != pod.name


async def test_going_back_to_the_version_that_runs_starts_nothing(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    machine.workloads.reconcile([machine.script("raise SystemExit(4)")])
    await machine.one(lambda pod: pod.restarts == 1)
    machine.workloads.reconcile([machine.server()])
    (left,) = await machine.until(lambda pods: len(pods) == 1)
    assert left.pid == old.pid


async def test_a_fault_keeps_the_new_version_from_starting_and_says_why(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    machine.workloads.reconcile([machine.server(fault="ConfigMap settings does not exist")])
    pod = await machine.one(lambda pod: pod.phase == "failed")
    assert pod.message == "ConfigMap settings does not exist"
    assert alive(old.pid)


async def test_restart_replaces_each_pod_by_one_of_the_same_version(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(replicas=2)])
    old = await machine.all_ready(2)
    await machine.workloads.restart("default", "app")
    new = await machine.all_ready(2)
    assert not {pod.name for pod in old} & {pod.name for pod in new}
    assert {pod.template_hash for pod in old} == {pod.template_hash for pod in new}
    await machine.workloads.restart("default", "unknown")


async def test_a_build_runs_once_for_all_replicas_and_before_them(machine: Machine) -> None:
    build = "echo building; echo x >> built; cp server.py made.py"
    run = (sys.executable, "-S", "made.py")
    machine.workloads.reconcile([machine.server(build=build, run=run, replicas=2)])
    await machine.one(lambda pod: pod.phase == "building")
    await machine.all_ready(2)
    assert (machine.folder / "built").read_text() == "x\n"
    assert (machine.folder / "logs" / "app-build.log").read_text() == f"$ {build}\nbuilding\n"
    machine.workloads.reconcile([machine.server(build=build, run=run, source="2")])
    await machine.all_ready(1)
    assert (machine.folder / "built").read_text() == "x\nx\n"


async def test_a_failed_build_is_shown_and_the_old_version_keeps_running(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(build="true")])
    (old,) = await machine.all_ready(1)
    machine.workloads.reconcile([machine.server(build="echo 'main.go:3: syntax error'; exit 2")])
    pod = await machine.one(lambda pod: pod.phase == "failed")
    assert pod.message.startswith("build failed: ")
    assert pod.message.endswith("exited with status 2: main.go:3: syntax error")
    assert alive(old.pid)
    assert machine.workloads.pods()[0].ready


async def test_a_source_saved_during_a_build_ends_that_build(machine: Machine) -> None:
    build = "if test -e second; then exit 0; fi; sleep 60"
    machine.workloads.reconcile([machine.server(build=build, source="1")])
    await machine.one(lambda pod: pod.phase == "building")
    (machine.folder / "second").touch()
    machine.workloads.reconcile([machine.server(build=build, source="2")])
    await machine.all_ready(1)


async def test_a_liveness_probe_that_fails_restarts_the_process(machine: Machine) -> None:
    liveness = Probe(http_get=HttpGetAction("/", "http"), period_seconds=1, failure_threshold=2)
    ill = machine.folder / "ill"
    machine.workloads.reconcile([machine.server(liveness=liveness, env=(("ILL", str(ill)),))])
    (pod,) = await machine.all_ready(1)
    ill.touch()
    sick = await machine.one(lambda pod: pod.phase == "crash-loop")
    assert sick.message == "liveness probe failed: GET / answered 500"
    ill.unlink()
    again = await machine.one(lambda pod: pod.ready)
    assert again.restarts >= 1
    assert again.pid != pod.pid


async def test_a_readiness_probe_takes_a_pod_out_of_service_and_back_without_a_restart(machine: Machine) -> None:
    readiness = Probe(http_get=HttpGetAction("/", 8080), period_seconds=1, failure_threshold=1)
    ill = machine.folder / "ill"
    machine.workloads.reconcile([machine.server(readiness=readiness, env=(("ILL", str(ill)),))])
    (pod,) = await machine.all_ready(1)
    ill.touch()
    out = await machine.one(lambda pod: not pod.ready)
    assert out.message == "readiness probe: GET / answered 500"
    ill.unlink()
    (again,) = await machine.all_ready(1)
    assert again == pod


async def test_a_startup_probe_holds_the_others_back_and_ends_a_start_that_takes_too_long(machine: Machine) -> None:
    startup = Probe(exec=ExecAction(("test", "-e", "started")), period_seconds=1, failure_threshold=2)
    machine.workloads.reconcile([machine.server(startup=startup)])
    failed = await machine.one(lambda pod: pod.phase == "crash-loop")
    assert failed.message == "startup probe failed: `test` exited with status 1"
    assert not any(pod.ready for pods in machine.history for pod in pods)
    (machine.folder / "started").touch()
    await machine.all_ready(1)


async def test_an_attached_pod_has_no_process_and_is_ready_while_its_port_answers(machine: Machine) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    machine.workloads.reconcile([machine.server(attach=f"localhost:{port}", run=None, replicas=3)])
    (pod,) = await machine.all_ready(1)
    assert (pod.address, dict(pod.ports), pod.pid) == ("127.0.0.1", {8080: port}, None)
    server.close()
    out = await machine.one(lambda pod: not pod.ready)
    assert out.message == "not listening: connection refused"
    with socket.create_server(("127.0.0.1", port)):
        await machine.all_ready(1)
    assert not machine.journal.records


async def test_environment_and_command_know_the_pods_own_ports(machine: Machine) -> None:
    show = (
        "import os; print(os.environ['PORT'], os.environ['PORT_ADMIN'], os.environ['URL'], os.environ['ME'], '$(PORT)')"
    )
    workload = machine.script(
        show + "; import time; time.sleep(60)",
        ports=(ContainerPort(8080), ContainerPort(9090, "admin")),
        env=(("PORT", "5000"), ("URL", "http://$(ME):$(PORT)/$(NONE)"), ("ME", "$(TURNOUT_POD)")),
    )
    machine.workloads.reconcile([workload])
    pod = await machine.one(lambda pod: pod.pid)
    log = machine.folder / "logs" / f"{pod.name}.log"
    main, admin = pod.ports[8080], pod.ports[9090]
    assert (
        await anext(follow(log, None, follow=True)) == f"{main} {admin} http://$(ME):{main}/$(NONE) {pod.name} {main}"
    )


async def test_stop_ends_everything_and_leaves_no_grandchild(machine: Machine) -> None:
    shell = machine.server("shell", run=("/bin/sh", "-c", f"{sys.executable} -S server.py & sleep 60 & wait"))
    build = machine.server("builds", build="sleep 60")
    machine.workloads.reconcile([machine.server(replicas=2), shell, build])
    await machine.until(lambda pods: sum(pod.ready for pod in pods) == 3)
    await machine.workloads.stop()
    assert machine.workloads.pods() == ()
    assert not machine.journal.records
    assert not [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


async def test_pods_are_adopted_with_their_pids_and_stay_in_service(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server(replicas=2)])
    before = await machine.all_ready(2)
    first = machine.workloads
    machine.workloads = machine.another()
    await machine.workloads.adopt()
    assert machine.workloads.pods() == before, "in service from the first moment"
    machine.workloads.reconcile([machine.server(replicas=2)])
    await asyncio.sleep(0.3)
    assert [pod.pid for pod in await machine.all_ready(2)] == [pod.pid for pod in before]
    await first.stop(1.0)


async def test_nothing_is_decided_about_adopted_pods_before_it_is_known_what_is_wanted(machine: Machine) -> None:
    """One that had been draining goes on to do so; that is no reason to drain the other."""
    machine.workloads.reconcile([machine.server(replicas=2)])
    old, young = await machine.all_ready(2)
    first = machine.workloads
    machine.journal.save(replace(machine.journal.records[old.name], draining=True))
    machine.workloads = machine.another()
    await machine.workloads.adopt()
    await machine.until(lambda pods: len(pods) == 1)
    assert not alive(old.pid)
    machine.workloads.reconcile([machine.server()])
    assert await machine.all_ready(1) == (young,)
    await first.stop(1.0)


async def test_an_adopted_pod_of_another_version_is_rolled(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    first = machine.workloads
    machine.workloads = machine.another()
    await machine.workloads.adopt()
    machine.workloads.reconcile([machine.server(source="2")])
    await machine.until(lambda pods: len(pods) == 1 and pods[0].name != old.name and pods[0].ready)
    assert not alive(old.pid)
    await first.stop(1.0)


async def test_a_pod_that_died_meanwhile_is_replaced(machine: Machine) -> None:
    machine.workloads.reconcile([machine.server()])
    (old,) = await machine.all_ready(1)
    (record,) = machine.journal.load()
    await machine.workloads.stop(1.0)
    machine.journal.save(record)
    machine.workloads = machine.another()
    await machine.workloads.adopt()
    assert machine.workloads.pods() == ()
    assert not machine.journal.records
    machine.workloads.reconcile([machine.server()])
    (new,) = await machine.all_ready(1)
    assert new.name != old.name


def in_service(pods: tuple[PodStatus, ...]) -> int:
    return sum(pod.ready and not pod.draining for pod in pods)


async def test_many_changes_in_a_row_end_with_the_last_and_never_leave_it_unserved(machine: Machine) -> None:
    workload = machine.server(replicas=2)
    machine.workloads.reconcile([workload])
    await machine.all_ready(2)
    machine.history.clear()
    for number in range(8):
        workload = replace(workload, source=str(number))
        machine.workloads.reconcile([workload])
        await asyncio.sleep(0.03)
    wanted = workload.template_hash
    await machine.until(lambda pods: len(pods) == 2 and all(pod.ready and pod.template_hash == wanted for pod in pods))
    assert min(in_service(pods) for pods in machine.history) >= 2
