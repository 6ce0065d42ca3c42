from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from turnout.resources.core import ContainerPort, ExecAction, HttpGetAction, HttpHeader, Probe, TcpSocketAction
from turnout.workloads.probes import Outcome, Target, Verdict, check_of, verdicts


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    async def pause(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


async def timeline(probe: Probe, looks: Callable[[float], bool], until: float, *, eager: bool = False) -> list[str]:
    """When the verdict changed, and to what: `+3` for passing after 3 s."""
    changes: list[str] = []
    time, last = Time(), Verdict()

    async def check() -> Outcome:
        return Outcome(looks(time.now), "ill")

    async with aclosing(verdicts(probe, check, eager=eager, pause=time.pause, clock=time.clock)) as seen:
        async for verdict in seen:
            if time.now > until:
                return changes
            if verdict.passing != last.passing:
                changes.append(f"{'+' if verdict.passing else '-'}{time.now:g}")
            last = verdict
    raise AssertionError("looks never end")


async def test_the_first_look_comes_after_the_initial_delay_and_then_one_per_period() -> None:
    probe = Probe(initial_delay_seconds=5, period_seconds=2, failure_threshold=1)
    assert await timeline(probe, lambda now: now >= 8, 20) == ["-5", "+9"]


async def test_only_so_many_failures_in_a_row_count() -> None:
    probe = Probe(period_seconds=10, failure_threshold=3)
    ill = {20.0, 40.0, 50.0, 60.0, 70.0}
    assert await timeline(probe, lambda now: now not in ill, 100) == ["+0", "-60", "+80"]


async def test_only_so_many_successes_in_a_row_count() -> None:
    probe = Probe(period_seconds=1, failure_threshold=1, success_threshold=3)
    assert await timeline(probe, lambda now: now >= 2, 10) == ["-0", "+4"]


async def test_an_eager_probe_passes_soon_but_fails_no_sooner() -> None:
    probe = Probe(period_seconds=10, failure_threshold=3)
    (soon,) = await timeline(probe, lambda now: now >= 0.3, 30, eager=True)
    assert float(soon) < 0.6
    assert await timeline(probe, lambda now: False, 40, eager=True) == ["-20"]


async def test_a_slow_look_does_not_stretch_the_period() -> None:
    time = Time()
    looks: list[float] = []

    async def check() -> Outcome:
        looks.append(time.now)
        time.now += 1.0
        return Outcome(True)

    async with aclosing(verdicts(Probe(period_seconds=3), check, pause=time.pause, clock=time.clock)) as seen:
        async for _ in seen:
            if len(looks) == 3:
                break
    assert looks == [0.0, 3.0, 6.0]


def test_the_reason_stays_until_it_passes() -> None:
    probe = Probe(failure_threshold=1, success_threshold=2)
    verdict = Verdict().after(Outcome(False, "GET / answered 500"), probe)
    assert verdict.after(Outcome(True), probe).reason == "GET / answered 500"
    assert verdict.after(Outcome(True), probe).after(Outcome(True), probe).reason == ""


@asynccontextmanager
async def serving(answer: bytes, seen: list[bytes] | None = None) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            request = await reader.readuntil(b"\r\n\r\n")
            if seen is not None:
                seen.append(request)
            writer.write(answer)
            await reader.read()

    handlers: set[asyncio.Task[None]] = set()

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        handlers.add(task)

    server = await asyncio.start_server(kept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*handlers, return_exceptions=True)
    await asyncio.sleep(0)


async def look(
    probe: Probe, port: int = 1, declared: Iterable[ContainerPort] = (ContainerPort(80, "http"),)
) -> Outcome:
    return await check_of(probe, Target("127.0.0.1", {80: port}, tuple(declared)))()


def http(path: str = "/", port: int | str = "http") -> Probe:
    return Probe(http_get=HttpGetAction(path, port))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n", ""),
        (b"HTTP/1.0 399 x\r\n\r\n" + b"x" * 100_000, ""),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "GET / answered 404"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "GET / answered 503"),
        (b"SSH-2.0-OpenSSH\r\n", "GET /: not an HTTP answer"),
        (b"x" * 100_000, "GET /: not an HTTP answer"),
    ],
)
async def test_an_http_probe_passes_from_200_to_399(answer: bytes, reason: str) -> None:
    async with serving(answer) as port:
        assert await look(http(), port) == Outcome(not reason, reason)


async def test_an_http_probe_sends_its_headers_and_says_who_it_is() -> None:
    seen: list[bytes] = []
    headers = (HttpHeader("X-Probe", "1"), HttpHeader("host", "example.test"))
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n", seen) as port:
        await look(Probe(http_get=HttpGetAction("healthz?x=1", 80, http_headers=headers)), port)
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "GET /healthz?x=1 HTTP/1.1"
    assert "host: example.test" in lines
    assert "X-Probe: 1" in lines
    assert any(line.startswith("User-Agent: kube-probe/") for line in lines)


async def test_a_probe_that_gets_no_answer_fails_when_its_time_is_up() -> None:
    async with serving(b"") as port:
        assert await look(http(), port) == Outcome(False, "no answer within 1 s")


async def test_a_tcp_probe_passes_when_somebody_listens() -> None:
    probe = Probe(tcp_socket=TcpSocketAction(80))
    async with serving(b"") as port:
        assert await look(probe, port) == Outcome(True)
    assert await look(probe, port) == Outcome(False, "connection refused")


@pytest.mark.parametrize("probe", [http("/", "admin"), Probe(tcp_socket=TcpSocketAction("admin"))])
async def test_a_port_name_that_the_pod_does_not_have_is_a_failure(probe: Probe) -> None:
    assert "port" in (await look(probe)).reason


@pytest.mark.parametrize(
    ("wanted", "actual"), [(80, 20001), ("80", 20001), ("http", 20001), (9000, 9000), ("9000", 9000), ("x", None)]
)
def test_container_ports_are_reached_where_the_pod_really_listens(wanted: int | str, actual: int | None) -> None:
    assert Target("127.0.0.1", {80: 20001}, (ContainerPort(80, "http"),)).port(wanted) == actual


def test_a_pod_that_declares_no_port_is_probed_on_its_only_one() -> None:
    assert Target("127.0.0.1", {0: 20001}).port(8080) == 20001


async def command(tmp_path: Path, *words: str) -> Outcome:
    target = Target("127.0.0.1", {}, (), tmp_path, {"PATH": "/usr/bin:/bin", "MINE": "yes"})
    return await check_of(Probe(exec=ExecAction(words)), target)()


async def test_an_exec_probe_passes_with_status_zero(tmp_path: Path) -> None:
    assert await command(tmp_path, "sh", "-c", "test $MINE = yes && test $PWD = " + str(tmp_path)) == Outcome(True)
    assert await command(tmp_path, "sh", "-c", "exit 3") == Outcome(False, "`sh` exited with status 3")
    assert "not found" in (await command(tmp_path, "no-such-check")).reason
    assert not (await command(tmp_path)).success


async def test_an_exec_probe_that_hangs_is_killed(tmp_path: Path) -> None:
    assert await command(tmp_path, "sleep", "60") == Outcome(False, "no answer within 1 s")
