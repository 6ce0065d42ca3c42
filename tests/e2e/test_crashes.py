"""Whatever is killed, full or broken: traffic goes on where it can, a clear message says so, nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.e2e.manifests import deployment, split, virtual_service
from tests.e2e.site import Site, settings, until
from tests.e2e.traffic import traffic

from turnout.resources.kinds import DEPLOYMENT

pytestmark = pytest.mark.e2e

# A shell that leads, the service, and two children of it: one in its session, one that made a session of its own.
FAMILY = f"sh -c 'sleep 1001 & (setsid sleep 1002 &); {sys.executable} service.py & wait'"


def weights(site: Site) -> dict[str, str]:
    (service,) = site.status()["services"]
    return dict(service["routes"][0]["weights"])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


# --- turnout itself


async def test_a_killed_turnout_is_followed_by_one_that_takes_everything_over(site: Site) -> None:
    """The same Envoy and the same pods, the live weights, and not one failed request all the while."""
    up = site.up()
    assert site.run("shift", "app", "v2=50").status == 0
    before = site.pids()
    async with traffic(site.port) as seen:
        await asyncio.to_thread(up.kill)
        assert site.try_status() is None
        await asyncio.sleep(1)
        up = await asyncio.to_thread(site.up)
    seen.assert_unharmed()
    assert {row.version for row in seen.reports["fast"].versions} == {"v1", "v2"}
    assert site.pids() == before
    assert weights(site) == {"v1": "50", "v2": "50"}
    await asyncio.to_thread(adopted_are_looked_after, site, before)
    assert site.run("down").status == 0
    assert up.ended() == 0
    site.assert_nothing_runs()


async def test_a_turnout_killed_in_the_middle_of_rolling_restarts_fails_no_request(site: Site) -> None:
    """Wherever it stood, the next one goes on from there: pods that start, drain, or have just become ready."""
    site.apply("v1.yaml", deployment("v1", replicas=2, env={"RUDE": "yes"}))
    await asyncio.to_thread(site.up)
    async with traffic(site.port) as seen:
        for tenths in (0, 3, 5, 7, 10):
            await asyncio.to_thread(restart_and_kill, site, tenths / 10)
    seen.assert_unharmed()
    assert len(site.processes()) == 1 + 1 + 3, "turnout, Envoy, and as many pods as are wanted"


def restart_and_kill(site: Site, after_seconds: float) -> None:
    """A rolling restart that one Turnout begins and another ends."""
    annotations = {"kubectl.kubernetes.io/restartedAt": f"{after_seconds}"}
    with site.client() as client:
        patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        client.patch(DEPLOYMENT, "default", "app-v1", patch)
    time.sleep(after_seconds)
    site.ups[-1].kill()
    site.up()


def test_what_changed_while_no_turnout_ran_is_made_good(site: Site) -> None:
    """Envoy has died too, a pod has, a file was saved and another deleted; what was shifted live stays."""
    site.apply("v1.yaml", deployment("v1", replicas=2))
    site.up()
    assert site.run("shift", "app", "v2=50").status == 0
    before = site.pids()
    (dead, kept) = (name for name in before if name.startswith("app-v1"))
    site.ups[-1].kill()
    kill(before["envoy"])
    kill(before[dead])
    site.apply("route.yaml", virtual_service({**split({"v1": 100, "v2": 0}), "timeout": "5s"}))
    (site.folder / "k8s" / "v2.yaml").unlink()
    site.up()
    after = site.pids()
    assert after[kept] == before[kept]
    assert len([name for name in after if name.startswith("app-v1")]) == 2
    assert not [name for name in after if name.startswith("app-v2")]
    assert weights(site) == {"v1": "50", "v2": "50"}
    assert [found["path"] for found in site.status()["drift"]] == [
        "spec.http[0].route[0].weight",
        "spec.http[0].route[1].weight",
    ]
    assert {site.get().status for _ in range(20)} == {200, 503}, "v2 has no pod any more, and half of the traffic"


def adopted_are_looked_after(site: Site, before: dict[str, int]) -> None:
    """As if they had been started: whichever ends is started again."""
    for name in ("envoy", next(name for name in before if name.startswith("app-v1"))):
        kill(before[name])
        until(f"another {name} runs", partial(is_another, site, name, before[name]))
    until("it serves again", lambda: site.get().status == 200)


def is_another(site: Site, name: str, pid: int) -> bool:
    return site.pids()[name] not in {None, pid}


def test_down_sweeps_what_a_killed_turnout_left(site: Site) -> None:
    """Grandchildren too, and those that left their session."""
    site.write("turnout.yaml", settings(FAMILY))
    site.up().kill()
    assert len(site.processes()) == 1 + 2 * 5
    swept = site.run("down")
    assert swept.status == 0
    assert "turnout itself was gone" in swept.out
    site.assert_nothing_runs()
    again = site.run("down")
    assert (again.status, again.out) == (1, "")
    assert "nothing runs" in again.err


def test_a_start_refused_after_a_crash_leaves_what_runs_alone(site: Site) -> None:
    """A file is wrong: nothing is started, nothing is stopped; `down` still finds everything, `up` once it is right."""
    site.up().kill()
    good = (site.folder / "k8s" / "route.yaml").read_text()
    site.write("k8s/route.yaml", "kind: [\n")
    refused = site.start()
    assert refused.ended() == 1
    assert "k8s/route.yaml:2:1: error:" in refused.err
    assert site.get().status == 200
    running = {process.pid for process in site.processes()}
    site.write("k8s/route.yaml", good)
    up = site.up()
    assert set(site.pids().values()) == running
    up.kill()
    site.write("k8s/route.yaml", "kind: [\n")
    assert site.start().ended() == 1
    assert site.run("down").status == 0
    site.assert_nothing_runs()


def test_down_ends_an_up_that_is_only_starting(site: Site) -> None:
    """It holds the state directory, and has no API yet."""
    hold = f"from turnout.control.state import StateDir; s = StateDir(Path({str(site.state)!r})); s.create(); s.lock()"
    program = f"import time; from pathlib import Path; {hold}; print('held', flush=True); time.sleep(100)"
    with subprocess.Popen(
        [sys.executable, "-c", program], env=site.environment, stdout=subprocess.PIPE, text=True
    ) as starting:
        assert starting.stdout is not None
        assert starting.stdout.readline() == "held\n"
        down = site.run("down")
        assert (down.status, down.out) == (0, "stopped\n")
        assert starting.wait() == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(site: Site, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM, a closed terminal: grandchildren end too, and so does a start that is under way."""
    site.write("turnout.yaml", settings(FAMILY))
    starting = site.start()
    until("something has been started", lambda: len(site.processes()) > 1)
    starting.signal(number)
    assert starting.ended() == 0
    site.assert_nothing_runs()
    up = site.up()
    up.signal(number)
    assert up.ended() == 0
    assert up.err == ""
    assert up.out.endswith("stopped\n")
    site.assert_nothing_runs()


@pytest.mark.parametrize("killed", [False, True])
def test_a_build_under_way_is_ended_too(site: Site, killed: bool) -> None:
    site.write("turnout.yaml", settings(build="sleep 1003 & sleep 1004"))
    up = site.start()
    until("it builds", lambda: any("1004" in command for command in site.commands()))
    if killed:
        up.kill()
        assert site.run("down").status == 0
    else:
        up.signal(signal.SIGTERM)
        assert up.ended() == 0
    site.assert_nothing_runs()


def test_a_second_signal_ends_what_does_not_want_to_end(site: Site) -> None:
    site.write("turnout.yaml", settings(f"sh -c 'trap : TERM; {sys.executable} service.py; sleep 1000'"))
    up = site.up()
    up.signal(signal.SIGINT)
    time.sleep(0.5)
    assert up.process.poll() is None, "it waits for the grace period"
    began = time.monotonic()
    up.signal(signal.SIGINT)
    assert up.ended() == 0
    assert time.monotonic() - began < 5
    site.assert_nothing_runs()


def test_in_the_background_a_closed_terminal_means_nothing(site: Site) -> None:
    assert site.run(*site.up_arguments("-d")).status == 0
    pid = site.status()["pid"]
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    assert site.status()["pid"] == pid
    os.kill(pid, signal.SIGTERM)
    site.assert_nothing_runs()


# --- what it started


async def test_a_killed_envoy_comes_back_with_its_configuration(site: Site) -> None:
    up = site.up()
    assert site.run("shift", "app", "v2=100").status == 0
    before = site.pids()
    kill(before["envoy"])
    began = time.monotonic()
    until("it serves again", lambda: site.get().status == 200)
    assert time.monotonic() - began < 5
    assert site.get().version == "v2"
    after = site.pids()
    assert after.pop("envoy") != before.pop("envoy")
    assert after == before
    up.signal(signal.SIGTERM)
    assert up.ended() == 0
    site.assert_nothing_runs()


async def test_a_killed_pod_is_replaced_while_the_other_serves(site: Site) -> None:
    """Only requests under way in it may fail; new ones go to the other at once."""
    site.apply("v1.yaml", deployment("v1", replicas=2))
    site.up()
    victim, other = site.pods("app-v1")
    async with traffic(site.port) as seen:
        await asyncio.to_thread(kill, victim["pid"])
        await asyncio.to_thread(until, "it runs again", lambda: is_back(site, victim))
    fast, slow = seen.reports["fast"], seen.reports["slow"]
    # 550 requests/s, half of them to the victim: those of 100 ms, on a machine busy enough to hold them so long.
    assert fast.failed <= 30, fast.errors
    assert slow.failed < 20, "of the 20 under way, those in the other go on, and no later one fails"
    assert fast.unfinished == slow.unfinished == fast.unstarted == 0
    assert other["pid"] in [pod["pid"] for pod in site.pods("app-v1")]


def is_back(site: Site, victim: dict[str, int]) -> bool:
    pods = {pod["name"]: pod for pod in site.pods("app-v1")}
    pod = pods[str(victim["name"])]
    return bool(pod["ready"]) and pod["pid"] != victim["pid"] and pod["restarts"] == 1


# --- what is in the way


def test_a_second_up_says_that_one_runs(site: Site) -> None:
    up = site.up()
    for arguments in ((), ("-d",)):
        second = site.run(*site.up_arguments(*arguments))
        assert second.status == 1
        assert f"turnout up already runs for {site.state} (pid {up.pid})" in second.err
        assert "turnout down" in second.err
    assert site.get().status == 200


def test_a_taken_port_is_named_with_its_holder(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        refused = site.start()
        assert refused.ended() == 1
    me = psutil.Process()
    assert f"port {site.port} (for the Gateway's port 80) is taken by {me.name()} (pid {me.pid})" in refused.err
    assert "--gateway-port 80=" in refused.err
    site.assert_nothing_runs()


@pytest.fixture
def small_disk(site: Site) -> Iterator[Path]:
    """The site's state directory on a file system of 4 MiB."""
    site.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(site.state)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield site.state
    site.close()
    subprocess.run(["umount", str(site.state)], check=True)


def fill(disk: Path) -> Path:
    """A file that leaves no room for another byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return filler


def test_a_full_disk_is_said_at_the_start(site: Site, small_disk: Path) -> None:
    filler = fill(small_disk)
    refused = site.start()
    assert refused.ended() == 1
    assert "No space left" in refused.err
    assert "free some space" in refused.err
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 100_000)
    refused = site.start()
    assert refused.ended() == 1
    assert "state.db: the disk is full" in refused.err
    assert "Traceback" not in refused.err
    site.assert_nothing_runs()
    filler.unlink()
    site.up()
    assert site.get().status == 200


def test_a_disk_that_fills_up_refuses_changes_and_harms_no_traffic(site: Site, small_disk: Path) -> None:
    site.up()
    filler = fill(small_disk)
    refused = site.run("shift", "app", "v2=100")
    assert refused.status == 1
    assert "state.db: the disk is full" in refused.err
    assert weights(site) == {"v1": "100", "v2": "0"}
    assert site.get().version == "v1"
    kill(site.pids()["envoy"])
    until("another Envoy serves", lambda: site.get().status == 200)
    filler.unlink()
    assert site.run("shift", "app", "v2=100").status == 0
    assert site.get().version == "v2"
    until("there is room again", lambda: not site.status()["problems"])


def test_a_damaged_state_is_kept_aside(site: Site) -> None:
    """Also when Turnout had been killed, so that the state alone knew what runs: that is ended, and begun anew."""
    site.up().kill()
    left = {process.pid for process in site.processes()}
    damaged = b"no database\n" * 1000
    (site.state / "state.db").write_bytes(damaged)
    for beside in ("state.db-wal", "state.db-shm"):
        (site.state / beside).unlink(missing_ok=True)
    refused = site.start()
    assert refused.ended() == 1
    assert f"{site.state / 'state.db'} is damaged" in refused.err
    assert "kept as state.db.corrupt-1" in refused.err
    assert (site.state / "state.db.corrupt-1").read_bytes() == damaged
    up = site.up()
    assert site.get().status == 200
    assert not left & {process.pid for process in site.processes()}
    up.signal(signal.SIGTERM)
    assert up.ended() == 0
    site.assert_nothing_runs()
