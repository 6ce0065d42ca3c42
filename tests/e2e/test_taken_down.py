"""What a real Envoy's tap takes down of requests and copies, and what marks them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.compiler.test_cases import BASE
from tests.e2e.proxied import Proxied
from tests.e2e.test_routing import service, virtual_service

from turnout.capture import tap
from turnout.capture.tap import Occupied, Scope, Tap
from turnout.capture.trace import Trace, traces

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SERVICES = BASE.read_text(encoding="utf-8")
HOST = "a.default.svc.cluster.local"
WEIGHTED = "[{destination: {host: a, subset: v1}, weight: 1}, {destination: {host: a, subset: v2}, weight: 0}]"
MIRRORS = "[{destination: {host: a, subset: v2}}, {destination: {host: a, subset: v1}}]"
COMPARED = f"- name: main-mirror\n  route: {WEIGHTED}\n  mirrors: {MIRRORS}"
SAMPLED = (
    COMPARED.replace("  route:", "  match: [{headers: {x-turnout-id: {regex: '.*'}}}]\n  route:", 1)
    + f"\n- route: {WEIGHTED}"
)
ALL = Scope(".*", 1024)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Proxied]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Proxied(Path(folder))
        await site.start()
        yield site
        await site.stop()


@pytest.fixture(autouse=True)
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "BATCH_SECONDS", 0.3)


async def taken_down(site: Proxied, *urls: str, scope: Scope = ALL, **headers: str) -> list[Trace]:
    """Of copied requests, while these are made."""
    return [trace for trace in traces(await batch_of(site, scope, *urls, **headers)) if trace]


async def batch_of(site: Proxied, scope: Scope, *urls: str, **headers: str) -> bytes:
    """All of the sample."""
    armed = Tap(str(site.runtime / "admin.sock"), scope)
    armed.thinning.heed(1.0, 0.0)
    armed.thinning.heed(1.0, 0.0)
    assert armed.thinning.percent == 100
    batch = asyncio.create_task(armed.batch())
    await until_armed(site)
    for url in urls:
        await site.call(url, **headers)
    return await batch


async def until_armed(site: Proxied) -> None:
    """A second tap is refused as soon as there is a first; a moment later, all of Envoy's threads know."""
    async with asyncio.timeout(5):
        while b"already exists" not in (await site.envoy.admin("POST", "/tap", b"{}"))[1]:  # noqa: ASYNC110 - Envoy does not tell
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)


async def test_a_request_and_its_copies_are_known_by_an_id_of_their_own(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(COMPARED))
    for _ in range(2):
        await site.call("a/", x_turnout_id="mine", x_turnout_copied="mine", x_turnout_mirror="mine")
    received = [
        each["headers"] for name, count in (("a-v1", 4), ("a-v2", 2)) for each in await site.until_received(name, count)
    ]
    by_id: dict[str, list[str]] = {}
    for headers in received:
        by_id.setdefault(headers["x-turnout-id"], []).append(headers.get("x-turnout-mirror", "user"))
    assert [sorted(who) for who in by_id.values()] == [["baseline", "candidate", "user"]] * 2
    assert "mine" not in by_id
    assert all("mine" not in headers.values() for headers in received)


async def test_without_a_mirror_a_request_is_not_marked_as_copied(site: Proxied) -> None:
    await site.apply(SERVICES)
    headers = (await site.call("a/", x_turnout_copied="mine")).request["headers"]
    assert "x-turnout-copied" not in headers


async def test_all_three_answers_to_a_request_are_taken_down_and_say_whose_they_are(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(COMPARED))
    found = await taken_down(site, "a/x?y=1")
    assert sorted((each.is_copy, each.host, each.subset) for each in found) == [
        (False, HOST, "v1"),
        (True, HOST, "v1"),
        (True, HOST, "v2"),
    ]
    assert len({each.exchange.key for each in found}) == 1
    for answer in (each.exchange for each in found):
        assert (answer.route, answer.method, answer.path, answer.status) == ("main", "GET", "/x?y=1", 200)
        assert answer.answered
        assert answer.body
        assert not answer.cut
        assert 0 < (answer.duration_ms or 0) < 1000


async def test_a_copy_that_nobody_answered_is_told_apart(site: Proxied) -> None:
    mirrored = virtual_service(f"- route: {WEIGHTED}\n  mirror: {{host: dead}}")
    await site.apply(SERVICES, service("dead"), mirrored)
    (copy,) = [each.exchange for each in await taken_down(site, "a/") if each.is_copy]
    assert (copy.status, copy.local_reply, copy.answered) == (503, "UF", False)


@pytest.mark.parametrize("name", ["100 %", "a%REQ(host)%b", "größer", "two words;three", "one\\r\\nx-evil: 1"])
async def test_whatever_a_route_is_called_its_requests_arrive(site: Proxied, name: str) -> None:
    await site.apply(SERVICES, virtual_service(f'- name: "{name}"\n  route: {WEIGHTED}\n  mirrors: {MIRRORS}'))
    found = await taken_down(site, "a/")
    assert len(found) == 3
    assert {each.exchange.route for each in found} == {name.replace("\\r\\n", "  ")}
    assert "x-evil" not in site.received("a-v1")[0]["headers"]


async def test_only_the_sample_is_taken_down_and_of_a_body_only_so_much(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(COMPARED))
    urls = ["a/"] * 32
    found = await taken_down(site, *urls, scope=Scope("[0-3].*", 10))
    assert {each.exchange.key[0] for each in found} <= set("0123")
    assert all(each.exchange.truncated and len(each.exchange.body) == 10 for each in found)
    assert await taken_down(site, "a/", scope=Scope("x", 10)) == []


async def test_nobody_elses_requests_meet_the_tap(site: Proxied) -> None:
    await site.apply(SERVICES)
    batch = await batch_of(site, ALL, "a/", "a/")
    assert batch == b""


async def test_of_a_sample_only_the_part_that_is_looked_at_is_copied(site: Proxied) -> None:
    """The others are as if nobody compared; and when nobody does any more, the sample is whole again."""
    await site.apply(SERVICES, virtual_service(SAMPLED))
    armed = Tap(str(site.runtime / "admin.sock"), ALL)
    batch = asyncio.create_task(armed.batch())
    await until_armed(site)
    answers = [await site.call("a/") for _ in range(200)]
    copied = sum("x-turnout-copied" in each.request["headers"] for each in answers)
    assert 0 < copied < 40, f"{copied} of 200, where 12 should be"
    await batch
    await armed.release()
    assert all(["x-turnout-copied" in (await site.call("a/")).request["headers"] for _ in range(20)])


async def test_one_at_a_time_may_use_the_tap(site: Proxied) -> None:
    await site.apply(SERVICES)
    path = str(site.runtime / "admin.sock")
    first = asyncio.create_task(Tap(path, ALL).batch())
    await until_armed(site)
    with pytest.raises(Occupied):
        await Tap(path, ALL).batch()
    assert list(traces(await first)) == []
