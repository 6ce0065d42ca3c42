"""The ADS server with a real Envoy behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from turnout.compiler.config import CLUSTER, EMPTY, ENDPOINTS, LISTENER, ROUTES, Config
from turnout.error import EnvoyFailed
from turnout.xds.ads import AdsServer

if TYPE_CHECKING:
    from tests.xds.conftest import Load, Site, World

pytestmark = pytest.mark.e2e


def with_routes(site: Config, message: RouteConfiguration) -> Config:
    clusters, endpoints, listeners = (messages(site, type_url) for type_url in (CLUSTER, ENDPOINTS, LISTENER))
    return Config.of(clusters, endpoints, listeners, [message])


def messages(site: Config, type_url: str) -> list[Message]:
    return [resource.message for resource in site.resources[type_url].values()]


def with_clusters(site: Config, clusters: Sequence[Message]) -> Config:
    endpoints, listeners, routes = (messages(site, type_url) for type_url in (ENDPOINTS, LISTENER, ROUTES))
    return Config.of(clusters, endpoints, listeners, routes)


def bad_routes(name: str) -> RouteConfiguration:
    match = {"safe_regex": {"regex": "(["}}
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": match, "direct_response": {"status": 200}}]}]
    return ParseDict({"name": name, "virtual_hosts": hosts}, RouteConfiguration())


async def test_a_published_config_is_served(world: World, site: Site, ports: dict[str, int]) -> None:
    assert await world.publish(site(world.port, ports, {"v1": 100, "v2": 0})) == []
    assert await world.get() == (200, "v1")


async def test_an_empty_config_is_acknowledged_so_that_envoy_is_ready(world: World) -> None:
    assert await world.publish(EMPTY) == []
    async with asyncio.timeout(5):
        await world.envoy.ready()


async def test_an_acknowledged_weight_decides_the_very_next_request(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    for number in range(20):
        weights = {"v1": 100, "v2": 0} if number % 2 else {"v1": 0, "v2": 100}
        await world.publish(site(world.port, ports, weights))
        assert await world.get() == (200, "v1" if number % 2 else "v2")


async def test_no_request_fails_while_weights_change(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    async with load.running():
        for number in range(200):
            await world.publish(site(world.port, ports, {"v1": 100 - number // 2, "v2": number // 2}))
    assert load.failures == {}
    assert load.answers["200 v1"] > 0 < load.answers["200 v2"]


async def test_no_request_fails_while_clusters_come_and_go(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    """Each config knows one cluster only: it must be warm before the route moves, and the old one goes after that."""
    await world.publish(site(world.port, {"gen0": ports["v1"]}, {"gen0": 100}))
    async with load.running():
        for number in range(1, 60):
            name = f"gen{number}"
            await world.publish(site(world.port, {name: ports["v1"]}, {name: 100}))
    assert load.failures == {}
    _, clusters = await world.envoy.admin("GET", "/clusters")
    assert b"gen59::" in clusters
    assert b"gen58::" not in clusters


async def test_a_modified_cluster_is_warm_at_once(
    world: World, site: Site, cluster: Callable[..., Message], ports: dict[str, int], load: Load
) -> None:
    first = site(world.port, ports, {"v1": 50, "v2": 50})
    await world.publish(first)
    async with load.running(), asyncio.timeout(3):
        for seconds in range(2, 10):
            clusters = [cluster(name, connect_timeout=f"{seconds}s") for name in ports]
            assert await world.publish(with_clusters(first, clusters)) == []
    assert load.failures == {}


async def test_endpoints_move_without_a_failed_request(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    async with asyncio.timeout(10):
        await world.publish(site(world.port, {"app": ports["v1"]}, {"app": 1}))
        async with load.running():
            for number in range(40):
                await world.publish(site(world.port, {"app": ports["v1" if number % 2 else "v2"]}, {"app": 1}))
    assert load.failures == {}


async def test_a_listener_that_is_gone_refuses_connections(world: World, site: Site, ports: dict[str, int]) -> None:
    await world.publish(site(world.port, ports, {"v1": 1, "v2": 1}))
    assert await world.publish(EMPTY) == []

    async def refused() -> bool:
        """Envoy confirms before its workers have closed the socket: what waits there then is reset, not refused."""
        try:
            await world.get()
        except (ConnectionError, EOFError) as error:
            return isinstance(error, ConnectionRefusedError)
        return False

    await world.until(refused)


async def test_a_route_that_envoy_refuses_is_reported_and_the_old_one_serves(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    good = site(world.port, ports, {"v1": 100, "v2": 0})
    await world.publish(good)
    bad = with_routes(good, bad_routes("main"))
    (rejection,) = await world.publish(bad)
    assert (rejection.type_url, rejection.names) == (ROUTES, ("main",))
    assert "missing ]" in rejection.detail
    assert rejection.version == bad.resources[ROUTES]["main"].version
    assert world.rejections == [rejection]
    assert await world.get() == (200, "v1")
    assert await world.publish(bad) == [rejection], "it is still refused, without asking again"
    assert world.rejections == [rejection]
    assert await world.publish(site(world.port, ports, {"v1": 0, "v2": 100})) == []
    assert await world.get() == (200, "v2")


async def test_one_bad_cluster_does_not_keep_the_others_away(
    world: World, site: Site, cluster: Callable[..., Message], ports: dict[str, int]
) -> None:
    good = site(world.port, ports, {"v1": 100, "v2": 0})
    v1, v2 = messages(good, CLUSTER)
    (rejection,) = await world.publish(with_clusters(good, [v1, cluster("odd", connect_timeout="-1s"), v2]))
    assert rejection.names == ("odd",)
    assert await world.get() == (200, "v1")


async def test_a_taken_port_is_a_rejection_and_is_tried_again_on_request(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    config = site(world.port, ports, {"v1": 100, "v2": 0})
    with socket.socket() as other:
        other.bind(("127.0.0.1", world.port))
        other.listen()
        (rejection,) = await world.publish(config)
        assert rejection.names == ("main",)
        assert "in use" in rejection.detail
    async with asyncio.timeout(5):
        assert await world.ads.publish(config, retry_rejected=True).acknowledged() == []
    assert await world.get() == (200, "v1")


async def test_a_superseded_publication_ends_with_its_successor(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    published = [
        world.ads.publish(site(world.port, ports, {"v1": weight, "v2": 100 - weight})) for weight in range(101)
    ]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*(publication.acknowledged() for publication in published)) == [[]] * 101
    assert await world.get() == (200, "v1")


async def test_a_restarted_control_plane_is_heard_soon_and_sends_only_what_changed(
    world: World, site: Site, ports: dict[str, int], load: Load
) -> None:
    await world.publish(site(world.port, ports, {"v1": 100, "v2": 0}))
    clusters, routes = await world.gauge("cluster_manager.cds.update_success"), "http.main.rds.main.update_success"
    before = await world.gauge(routes)
    async with load.running():
        await world.ads.stop()
        await asyncio.sleep(0.6)
        world.ads = world.new_ads()
        await world.ads.start()
        publication = world.ads.publish(site(world.port, ports, {"v1": 0, "v2": 100}))
        async with asyncio.timeout(0.5):
            assert await publication.acknowledged() == []
    assert load.failures == {}
    assert await world.get() == (200, "v2")
    assert await world.gauge(routes) == before + 1
    assert await world.gauge("cluster_manager.cds.update_success") == clusters, "they were the same"


async def test_a_restarted_control_plane_takes_away_what_was_removed_meanwhile(
    world: World, site: Site, ports: dict[str, int]
) -> None:
    await world.publish(site(world.port, ports, {"v1": 50, "v2": 50}))
    await world.ads.stop()
    world.ads = world.new_ads()
    await world.ads.start()
    assert await world.publish(site(world.port, {"v1": ports["v1"]}, {"v1": 100})) == []
    assert b"v2::" not in (await world.envoy.admin("GET", "/clusters"))[1]


async def test_a_publication_waits_for_an_envoy(runtime: Path) -> None:
    ads = AdsServer(runtime / "ads.sock", on_rejection=lambda _: None)
    await ads.start()
    assert not ads.connected
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ads.publish(EMPTY).acknowledged()
    await ads.stop()


async def test_a_stop_leaves_no_task_behind(
    world: World, site: Site, ports: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    await world.publish(site(world.port, ports, {"v1": 1, "v2": 1}))
    await world.envoy.stop()
    await world.ads.stop()
    assert not world.ads_socket.exists()
    assert asyncio.all_tasks() <= before
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_a_socket_that_a_dead_server_left_behind_is_taken_over(runtime: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(runtime / "ads.sock"))
    left.close()
    ads = AdsServer(runtime / "ads.sock", on_rejection=lambda _: None)
    await ads.start()
    assert (runtime / "ads.sock").stat().st_mode & 0o777 == 0o600
    await ads.stop()


async def test_a_folder_that_does_not_exist_is_a_clear_error(runtime: Path) -> None:
    ads = AdsServer(runtime / "none" / "ads.sock", on_rejection=lambda _: None)
    with pytest.raises(EnvoyFailed, match="cannot listen on"):
        await ads.start()


def test_a_socket_path_that_is_too_long_is_a_clear_error() -> None:
    with pytest.raises(EnvoyFailed, match="bytes; the system allows") as caught:
        AdsServer(Path("/tmp") / ("x" * 110) / "ads.sock", on_rejection=lambda _: None)
    assert "XDG_RUNTIME_DIR" in str(caught.value.hint)
