"""Who follows requests: Envoy's switch is on as long as somebody does, and nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from turnout.control import access
from turnout.control.access import AccessLog
from turnout.error import EnvoyFailed
from turnout.process import Identity
from turnout.telemetry.access import Request, Wanted
from turnout.xds.access import AccessLogService

ALL = Wanted()


class Envoy:
    """Its admin interface, as far as it is asked."""

    def __init__(self) -> None:
        self.identity = Identity(1, 1.0)
        self.switch: str | None = "100"  # an earlier Turnout was killed while somebody followed
        self.switched: list[str] = []
        self.dropped = 0
        self.answers = True

    def respawn(self) -> None:
        self.identity = Identity(self.identity.pid + 1, 1.0)
        self.switch, self.dropped = None, 0

    async def admin(self, method: str, path: str) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        if not self.answers:
            raise EnvoyFailed("it hangs")
        if method == "POST":
            self.switch = path.removeprefix("/runtime_modify?turnout.access_log=")
            self.switched.append(self.switch)
            return 200, b"OK\n"
        return 200, f"access_logs.grpc_access_log.logs_dropped: {self.dropped}\n".encode()


class World:
    """An Envoy, and the log of its requests with its keeper at work."""

    def __init__(self) -> None:
        self.envoy = Envoy()
        self.service = AccessLogService()
        self.log = AccessLog(self.envoy, self.service)

    def pass_by(self, *paths: str) -> None:
        for take in tuple(self.service.followers):
            take([Request(at=0.0, duration_ms=1.0, status=200, path=path) for path in paths])

    async def until_switch(self, wanted: str | None) -> None:
        async with asyncio.timeout(5):
            while self.envoy.switch != wanted:  # noqa: ASYNC110 - a stand-in tells nobody
                await asyncio.sleep(0.001)

    async def following(self, number: int = 1) -> None:
        """So many are, and Envoy tells of requests."""
        async with asyncio.timeout(5):
            while len(self.service.followers) != number:  # noqa: ASYNC110 - nothing tells when a follower comes
                await asyncio.sleep(0.001)
        await self.until_switch("100")


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(access, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(access, "PAUSE_SECONDS", 0.0)
    made = World()
    keeper = asyncio.create_task(made.log.keep())
    yield made
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper


async def read(world: World, wanted: Wanted = ALL, seconds: float | None = None, most: int | None = None) -> list[str]:
    """All lines until the end."""
    return [line async for text in world.log.lines(wanted, seconds, most) for line in text.splitlines()]


def paths(lines: list[str]) -> list[str]:
    return [json.loads(line)["path"] for line in lines]


async def test_in_the_beginning_the_switch_is_set_off(world: World) -> None:
    await world.until_switch("0")
    assert world.envoy.switched == ["0"]


async def test_the_switch_is_on_from_the_first_follower_to_the_last(world: World) -> None:
    one = asyncio.create_task(read(world, most=1))
    other = asyncio.create_task(read(world, most=2))
    await world.following(2)
    world.pass_by("/a")
    assert paths(await one) == ["/a"]
    assert world.envoy.switch == "100"
    world.pass_by("/b")
    assert paths(await other) == ["/a", "/b"]
    await world.until_switch("0")
    assert world.envoy.switched[-2:] == ["100", "0"]


async def test_it_goes_off_when_a_reader_hangs_up(world: World) -> None:
    reader = asyncio.create_task(read(world))
    await world.following()
    reader.cancel()
    await asyncio.wait([reader])
    assert not world.service.followers
    await world.until_switch("0")


async def test_a_stream_that_is_closed_between_two_lines_is_left(world: World) -> None:
    async with aclosing(world.log.lines(ALL, None, None)) as lines:  # type: ignore[type-var] # a generator
        first = asyncio.ensure_future(anext(lines))
        await world.following()
        world.pass_by("/a")
        await first
    assert not world.service.followers
    await world.until_switch("0")


async def test_another_envoy_is_switched_on_as_well(world: World) -> None:
    reader = asyncio.create_task(read(world, most=1))
    await world.following()
    world.envoy.respawn()
    await world.until_switch("100")
    world.pass_by("/a")
    assert paths(await reader) == ["/a"]


async def test_an_envoy_that_does_not_answer_is_told_when_it_does(world: World) -> None:
    await world.until_switch("0")
    world.envoy.answers = False
    reader = asyncio.create_task(read(world, most=1))
    await asyncio.sleep(0.05)
    assert world.envoy.switch == "0"
    world.envoy.answers = True
    await world.following()
    world.pass_by("/a")
    assert paths(await reader) == ["/a"]


async def test_it_ends_when_the_time_is_over_even_if_requests_never_do(world: World) -> None:
    reader = asyncio.create_task(read(world, seconds=0.2))
    async with asyncio.timeout(5):
        while not reader.done():
            world.pass_by("/a")
            await asyncio.sleep(0.001)
    assert set(paths(reader.result())) == {"/a"}


async def test_nothing_is_said_when_nothing_passes(world: World) -> None:
    assert await read(world, seconds=0.05) == []


async def test_only_what_is_wanted_counts(world: World) -> None:
    reader = asyncio.create_task(read(world, Wanted(statuses=("5xx",)), seconds=0.2, most=1))
    await world.following()
    world.pass_by("/a")
    assert await reader == []


async def test_what_a_slow_reader_does_not_take_is_dropped_and_told(world: World) -> None:
    lines = world.log.lines(ALL, None, access.MOST_WAITING)
    first = asyncio.ensure_future(anext(lines))
    await world.following()
    world.pass_by(*["/"] * (access.MOST_WAITING + 7))
    texts = [await first, *[text async for text in lines]]
    told = [json.loads(line) for text in texts for line in text.splitlines()]
    assert [line for line in told if "dropped" in line] == [{"dropped": 7}]
    assert len(told) == access.MOST_WAITING + 1
    assert max(len(text.splitlines()) for text in texts) <= access.AT_ONCE + 1


async def test_what_envoy_drops_is_told_to_everybody(world: World) -> None:
    world.envoy.dropped = 40
    readers = [asyncio.create_task(read(world, seconds=0.5)) for _ in range(2)]
    await world.following(2)
    await asyncio.sleep(0.05)
    world.envoy.dropped += 2
    for reader in readers:
        assert [json.loads(line) for line in await reader] == [{"dropped": 2}]


async def test_what_an_envoy_dropped_before_is_not_told(world: World) -> None:
    world.envoy.dropped = 40
    reader = asyncio.create_task(read(world, seconds=0.2))
    await world.following()
    world.envoy.respawn()
    world.envoy.dropped = 50
    assert await reader == []
