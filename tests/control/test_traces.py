from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.xds.test_zipkin import TAGS, body

from turnout.apiserver.view import ViewRequest
from turnout.control import traces as module
from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.traces import Traces, show
from turnout.error import ApiError
from turnout.xds.otlp import Endpoint

NOW = 2000.0
"""The spans began at 1000."""


class Site:
    def __init__(self, folder: Path, collector: Endpoint | None = None) -> None:
        self.state = StateDir(folder)
        self.state.create()
        self.traces = Traces(self.state, Mishaps(self.state), collector)

    async def hand_in(self, *bodies: bytes) -> None:
        """As Envoy does; returns when all are taken."""
        reader, writer = await asyncio.open_unix_connection(self.state.runtime / "spans.sock")
        for one in bodies:
            writer.write(b"POST /api/v2/spans HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(one) + one)
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def list(self, **query: str) -> Any:
        return await show(self.traces, ViewRequest("GET", query), NOW)

    async def one(self, trace_id: str) -> Any:
        return await show(self.traces, ViewRequest("GET", rest=trace_id), NOW)


NewSite = Callable[..., Site]


@pytest.fixture
async def new_site(runtime: Path) -> AsyncIterator[NewSite]:
    sites: list[Site] = []

    def made(*arguments: Any) -> Site:
        sites.append(Site(runtime, *arguments))
        return sites[-1]

    yield made
    for site in sites:
        await site.traces.close()


@pytest.fixture
async def site(new_site: NewSite) -> Site:
    found = new_site()
    await found.traces.start()
    return found


def span(**fields: Any) -> bytes:
    return body(TAGS, id=b"\1" * 8, timestamp=1_000_000_000, duration=1500, **fields)


async def test_what_has_been_handed_in_can_be_asked_for_at_once(site: Site) -> None:
    await site.hand_in(span())

    assert await site.list() == {
        "traces": [
            {
                "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "at": 1000.0,
                "duration_ms": 1.5,
                "name": "GET /a",
                "service": "reviews.default.svc.cluster.local",
                "source": "cart",
                "spans": 1,
                "status": "503",
                "error": True,
                "mirrored": False,
            }
        ],
        "dropped": 0,
        "collector": None,
    }


async def test_one_trace_is_shown_with_its_spans_and_the_beginning_of_its_id_is_enough(site: Site) -> None:
    await site.hand_in(span())

    shown = await site.one("0AF765")
    assert shown["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    (only,) = shown["spans"]
    assert (only["source"], only["workload"], only["version"]) == ("cart", "reviews-v1", "v1")
    assert (only["span_id"], only["parent_id"], only["flags"]) == ("01" * 8, "", "UF")


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"service": "reviews"}, 1),
        ({"service": "other"}, 0),
        ({"workload": "cart", "status": "5XX"}, 1),
        ({"mirrored": "1"}, 0),
        ({"mirrored": "0"}, 1),
        ({"min_ms": "2"}, 0),
        ({"max_ms": "2"}, 1),
        ({"seconds": "1001"}, 1),
        ({"seconds": "999"}, 0),
    ],
)
async def test_the_list_can_be_searched(site: Site, query: dict[str, str], number: int) -> None:
    await site.hand_in(span())

    assert len((await site.list(**query))["traces"]) == number


@pytest.mark.parametrize("query", [{"status": "bad"}, {"min_ms": "x"}, {"limit": "0"}, {"seconds": "-1"}])
async def test_a_question_that_makes_no_sense_is_refused(site: Site, query: dict[str, str]) -> None:
    with pytest.raises(ApiError) as caught:
        await site.list(**query)
    assert caught.value.status == 400


async def test_a_trace_that_is_not_there_or_not_named_well_is_said_so(site: Site) -> None:
    statuses = []
    await site.hand_in(span(), body(TAGS, id=b"\2" * 8))
    await site.hand_in(body(TAGS, id=b"\2" * 8).replace(bytes.fromhex("0af7"), bytes.fromhex("0af8")))
    for trace_id in ("ffff", "0af", "no-id"):
        with pytest.raises(ApiError) as caught:
            await site.one(trace_id)
        statuses.append(caught.value.status)

    assert statuses == [404, 409, 400]


async def test_what_is_too_much_between_two_writings_is_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", len(span()))
    await site.hand_in(span(), span(), span())

    found = await site.list()
    assert (len(found["traces"]), found["dropped"]) == (1, 2)


async def test_what_is_no_span_harms_nobody(site: Site) -> None:
    await site.hand_in(b"\xff\xff\xff", span())

    assert len((await site.list())["traces"]) == 1


async def test_traces_are_there_after_a_restart(new_site: NewSite) -> None:
    first = new_site()
    await first.traces.start()
    await first.hand_in(span())
    await first.traces.close()
    second = new_site()
    await second.traces.start()

    assert len((await second.list())["traces"]) == 1


async def test_a_damaged_file_is_put_aside_and_traces_begin_anew(new_site: NewSite, runtime: Path) -> None:
    (runtime / "traces.db").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    site = new_site()
    await site.traces.start()
    await site.hand_in(span())

    assert len((await site.list())["traces"]) == 1
    assert (runtime / "traces.db.corrupt-1").exists()
    assert site.traces.problems() == []


async def test_spans_that_cannot_be_written_are_a_problem_and_counted(new_site: NewSite, runtime: Path) -> None:
    (runtime / "traces.db").mkdir()
    site = new_site()
    await site.traces.start()
    await site.hand_in(span())
    async with asyncio.timeout(5):
        while not site.traces.problems():  # noqa: ASYNC110 - it comes true in another thread
            await asyncio.sleep(0.01)

    assert [problem.code for problem in site.traces.problems()] == ["TNO404"]
    assert site.traces.dropped == 1


async def test_a_collector_that_takes_nothing_is_a_problem(new_site: NewSite) -> None:
    site = new_site(Endpoint("127.0.0.1:1"))
    await site.traces.start()
    await site.hand_in(span())
    async with asyncio.timeout(5):
        while not site.traces.problems():  # noqa: ASYNC110 - it comes true in another thread
            await asyncio.sleep(0.01)

    found = await site.list()
    assert (found["collector"]["address"], found["collector"]["sent"]) == ("127.0.0.1:1", 0)
    (problem,) = site.traces.problems()
    assert problem.code == "TNO408"
    assert "127.0.0.1:1 takes no spans: UNAVAILABLE" in problem.message
    assert len((await site.list())["traces"]) == 1
