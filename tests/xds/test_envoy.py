"""Envoy's life: start, crash, adoption, stop."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from google.protobuf.json_format import ParseDict

from turnout.compiler.config import CLUSTER, EMPTY, ENDPOINTS, LISTENER, ROUTES, Config
from turnout.error import EnvoyFailed
from turnout.process import Identity, Process
from turnout.xds.binary import OPEN_FILES, find_envoy
from turnout.xds.bootstrap import bootstrap
from turnout.xds.envoy import Envoy

if TYPE_CHECKING:
    from tests.xds.conftest import Load, Site, World

pytestmark = pytest.mark.e2e


def pid_of(envoy: Envoy) -> int:
    assert envoy.identity is not None
    return envoy.identity.pid


def runs(identity: Identity | None) -> bool:
    return identity is not None and Process.adopt(identity) is not None


async def active(world: World, port: int, requests: int) -> bool:
    return await world.envoy.active_requests(f"127.0.0.1:{port}") == requests


async def until_respawned(envoy: Envoy, old: Identity | None) -> None:
    async with asyncio.timeout(5):
        while envoy.identity == old:  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.005)


async def test_an_envoy_that_is_killed_comes_back_with_its_config(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    old = world.envoy.identity
    os.kill(pid_of(world.envoy), signal.SIGKILL)
    await until_respawned(world.envoy, old)
    assert world.respawned == [world.envoy.identity]
    async with asyncio.timeout(5):
        await world.envoy.ready()
    assert await world.publish(site(world.port, ports, {"v1": 0, "v2": 100})) == []
    assert await world.get() == (200, "v2")


async def test_an_envoy_that_keeps_dying_is_respawned_at_growing_intervals(world: World) -> None:
    loop = asyncio.get_running_loop()
    pauses = []
    for _ in range(4):
        old, killed = world.envoy.identity, loop.time()
        os.kill(pid_of(world.envoy), signal.SIGKILL)
        await until_respawned(world.envoy, old)
        pauses.append(loop.time() - killed)
    assert pauses[3] > pauses[0] * 4
    assert pauses[3] < 1


async def test_a_running_envoy_is_adopted_and_serves_all_the_while(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    identity = world.envoy.identity
    assert identity is not None
    async with load.running():
        world.abandon()
        await world.ads.stop()
        world.envoy, world.ads = world.new_envoy(), world.new_ads()
        await world.ads.start()
        assert await world.envoy.adopt(identity)
        assert await world.publish(site(world.port, ports, {"v1": 0, "v2": 100})) == []
    assert load.failures == {}
    assert world.envoy.identity == identity
    assert await world.get() == (200, "v2")


async def test_an_adopted_envoy_that_dies_is_respawned_too(world: World) -> None:
    identity = world.envoy.identity
    assert identity is not None
    world.abandon()
    world.envoy = world.new_envoy()
    assert await world.envoy.adopt(identity)
    os.kill(identity.pid, signal.SIGKILL)
    await until_respawned(world.envoy, identity)
    assert await world.publish(EMPTY) == []


async def test_a_dead_envoy_is_not_adopted(world: World) -> None:
    assert not await world.new_envoy().adopt(Identity(pid_of(world.envoy), 1.0))
    assert runs(world.envoy.identity), "the process that has the pid now is left alone"


async def test_an_envoy_with_another_bootstrap_is_ended_instead_of_adopted(world: World) -> None:
    identity = world.envoy.identity
    assert identity is not None
    world.abandon()
    world.envoy = world.new_envoy(node="another")
    assert not await world.envoy.adopt(identity)
    assert not runs(identity)
    await world.envoy.start()
    assert await world.publish(EMPTY) == []


async def test_an_envoy_whose_identity_got_lost_makes_way_for_a_new_one(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    lost = world.envoy.identity
    world.abandon()
    world.envoy = world.new_envoy()
    await world.envoy.start()
    assert not runs(lost)
    assert await world.publish(site(world.port, ports, {"v1": 0, "v2": 100})) == []
    assert await world.get() == (200, "v2")


def test_the_bootstrap_is_the_same_text_in_every_process(tmp_path: Path) -> None:
    """By it an Envoy is known as ours; left to itself, protobuf writes a map in another order in each process."""
    sockets = {f"{name}_socket": tmp_path / name for name in ("ads", "admin", "spans")}
    text = bootstrap(node="n", max_connections=1, **sockets)
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2)


async def test_a_bootstrap_that_envoy_refuses_is_an_error_with_its_words(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envoy = Envoy(ads_socket=runtime / "a", runtime=runtime, log=runtime / "log", concurrency=1, node="n")
    monkeypatch.setattr(envoy, "_bootstrap", '{"nonsense": 1}')
    with pytest.raises(EnvoyFailed, match="did not start") as caught:
        await envoy.start()
    assert "nonsense" in str(caught.value.hint)


async def test_without_an_envoy_the_admin_interface_is_a_clear_error(runtime: Path) -> None:
    envoy = Envoy(ads_socket=runtime / "a", runtime=runtime, log=runtime / "log", concurrency=1, node="n")
    with pytest.raises(EnvoyFailed, match="does not answer GET /stats"):
        await envoy.admin("GET", "/stats")
    await envoy.stop()


def test_a_runtime_folder_with_a_long_path_is_a_clear_error() -> None:
    long = Path("/run") / ("x" * 110)
    with pytest.raises(EnvoyFailed, match="bytes; the system allows"):
        Envoy(ads_socket=Path("/run/a"), runtime=long, log=long / "log", concurrency=1, node="n")


async def test_sockets_and_bootstrap_are_the_owners_alone(world: World) -> None:
    for name in ("admin.sock", "ads.sock", "envoy.json"):
        assert (world.runtime / name).stat().st_mode & 0o777 == 0o600


async def test_the_admin_interface_answers_many_at_once(world: World) -> None:
    answers = await asyncio.gather(*(world.envoy.admin("GET", "/stats") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert all(b"server.live" in body for _, body in answers)
    assert (await world.envoy.admin("GET", "/nothing-of-that-name"))[0] == 404
    assert (await world.envoy.admin("POST", "/logging?level=info"))[0] == 200


async def test_deprecated_fields_of_routes_leave_no_warnings(world: World, site: Site, ports: dict[str, int]) -> None:
    """Of a thousand routes they are a megabyte each time, and a third of Envoy's time."""
    assert await world.publish(site(world.port, ports, {"v1": 1}, max_grpc_timeout="1s")) == []
    assert await world.get() == (200, "v1")
    assert "eprecated" not in world.log.read_text()


async def test_requests_under_way_are_counted_by_address(world: World, site: Site, ports: dict[str, int]) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    address = f"127.0.0.1:{ports['v1']}"
    assert await world.envoy.active_requests(address) == 0
    slow = [asyncio.create_task(world.get("/0.3")) for _ in range(3)]
    await world.until(lambda: active(world, ports["v1"], 3))
    assert await world.envoy.active_requests(f"127.0.0.1:{ports['v2']}") == 0
    assert await asyncio.gather(*slow) == [(200, "v1")] * 3
    assert await world.envoy.active_requests(address) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another process's limits")
async def test_envoy_may_open_as_many_files_as_the_system_allows(world: World) -> None:
    soft, hard = resource.prlimit(pid_of(world.envoy), resource.RLIMIT_NOFILE)
    assert soft == min(hard, OPEN_FILES)


async def test_a_stop_lets_requests_end(world: World, site: Site, ports: dict[str, int]) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    slow = asyncio.create_task(world.get("/0.5"))
    await world.until(lambda: active(world, ports["v1"], 1))
    identity = world.envoy.identity
    await world.envoy.stop()
    assert await slow == (200, "v1")
    assert not runs(identity)
    assert world.envoy.identity is None


async def test_a_stop_under_load_ends_kept_alive_connections(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    loop = asyncio.get_running_loop()
    async with load.running():
        await asyncio.sleep(0.1)
        started = loop.time()
        await world.envoy.stop()
        assert loop.time() - started < 2
    assert set(load.failures) <= {"ConnectionRefusedError"}, "no request that was taken was dropped"
    assert "caught ENVOY_SIGTERM" in world.log.read_text(), "it ended by itself"


async def test_a_stop_with_hanging_mirrored_requests_does_not_make_envoy_abort(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    world.abandon()
    identity = world.envoy.identity
    assert identity is not None
    envoy = world.envoy = world.new_envoy(drain_seconds=0.3)
    assert await envoy.adopt(identity)
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}, request_mirror_policies=[{"cluster": "v2"}]))
    assert await asyncio.gather(*(world.get("/mirrored-hang") for _ in range(5))) == [(200, "v1")] * 5
    await world.until(lambda: active(world, ports["v2"], 5))
    await envoy.stop()
    assert not runs(identity)
    assert "Caught" not in world.log.read_text(), "no crash, no backtrace"


async def test_a_stopped_envoy_leaves_nothing_behind(world: World, site: Site, ports: dict[str, int]) -> None:
    await world.publish(site(world.port, ports, {"v1": 1, "v2": 1}))
    process = Process.adopt(world.envoy.identity or Identity(0, 0))
    assert process is not None
    await world.envoy.stop()
    assert process.members() == []
    with pytest.raises(ConnectionRefusedError):
        await world.get()


async def test_a_listener_changes_hands_without_cutting_requests(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    first = site(world.port, ports, {"v1": 100, "v2": 0})
    await world.publish(first)
    slow = asyncio.create_task(world.get("/1"))
    async with load.running():
        for number in range(20):
            changed = site(world.port, ports, {"v1": 100, "v2": 0}, manager={"server_name": f"generation-{number}"})
            assert await world.publish(changed) == []
            await asyncio.sleep(0.02)
        assert await slow == (200, "v1")
    assert load.failures == {}


async def test_internal_listeners_are_possible(world: World, site: Site, ports: dict[str, int]) -> None:
    """Mirrored copies go through one, to have metrics and bounds of their own."""
    outer = site(world.port, {"v1": ports["v1"]}, {"hop": 100})
    inner = site(None, {"v2": ports["v2"]}, {"v2": 100}, name="inner")
    address = {"envoy_internal_address": {"server_listener_name": "inner"}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assignment = {"cluster_name": "hop", "endpoints": endpoints}
    hop = ParseDict({"name": "hop", "type": "STATIC", "load_assignment": assignment}, Cluster())
    groups = [
        [r.message for part in (outer, inner) for r in part.resources[t].values()]
        for t in (CLUSTER, ENDPOINTS, LISTENER, ROUTES)
    ]
    assert await world.publish(Config.of([*groups[0], hop], groups[1], groups[2], groups[3])) == []
    assert await world.get() == (200, "v2")


async def test_clients_connections_are_bounded_and_the_admin_interface_is_not(
    world: World, site: Site, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnout.xds.envoy.MAX_CONNECTIONS", 2)
    await world.envoy.stop()
    world.envoy = world.new_envoy()
    await world.envoy.start()
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    slow = [asyncio.create_task(world.get("/0.3")) for _ in range(2)]
    await world.until(lambda: active(world, ports["v1"], 2))
    with pytest.raises((ConnectionError, EOFError)):
        await world.get()
    assert await asyncio.gather(*slow) == [(200, "v1")] * 2


def test_the_program_itself_is_found_not_its_console_script() -> None:
    assert find_envoy().parent.name == "_bin"
