"""A split by a hash, through a real Envoy: who meets which version, and that it stays so while weights rise."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from tests.compiler.test_cases import BASE
from tests.e2e.proxied import Proxied

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SERVICES = BASE.read_text(encoding="utf-8")
USERS = [f"user-{number}" for number in range(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Proxied]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Proxied(Path(folder))
        await site.start()
        yield site
        await site.stop()


def split(sticky: str, v1: float, v2: float, more: str = "") -> str:
    return f"""{SERVICES}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: a, annotations: {{turnout.dev/sticky: "{sticky}"}}}}
spec:
  hosts: [a]
  http:
  - route:
    - {{destination: {{host: a, subset: v1}}, weight: {v1}}}
    - {{destination: {{host: a, subset: v2}}, weight: {v2}}}
{more}"""


async def versions(site: Proxied, keys: Sequence[str], header: str = "x-user", form: str = "{}") -> list[str]:
    """Who answers each, some at a time."""
    found: list[str] = []
    for at in range(0, len(keys), 20):
        calls = (site.call("a/", **{header: form.format(key)}) for key in keys[at : at + 20])
        found += [answer.by for answer in await asyncio.gather(*calls)]
    return found


async def test_a_user_meets_one_version_and_the_split_is_near_its_weights(site: Proxied) -> None:
    await site.apply(split("header:x-user", 70, 30))
    first = await versions(site, USERS)
    assert await versions(site, USERS) == first
    assert 90 <= first.count("a-v2") <= 150


async def test_a_weight_that_rises_keeps_whom_it_has_be_it_in_tenths_of_a_percent_or_not(site: Proxied) -> None:
    at_candidate: set[str] = set()
    for v1, v2 in ((995, 5), (95, 5), (725, 275), (50, 50), (1, 99)):
        await site.apply(split("header:x-user", v1, v2))
        found = {user for user, by in zip(USERS, await versions(site, USERS), strict=True) if by == "a-v2"}
        assert at_candidate <= found
        at_candidate = found
    assert len(at_candidate) > 380


async def test_a_cookie_decides_where_a_user_has_it(site: Proxied) -> None:
    await site.apply(split("cookie:session", 50, 50))
    first = await versions(site, USERS[:60], "cookie", "theme=dark; session={}")
    assert await versions(site, USERS[:60], "cookie", "session={}; theme=light") == first
    assert 10 < first.count("a-v2") < 50
    without = await versions(site, ["dark"] * 60, "cookie", "theme={}")
    assert len(set(without)) == 2


async def test_all_calls_of_one_user_request_meet_one_version_if_the_application_tells(site: Proxied) -> None:
    await site.apply(split("request", 50, 50))
    ids = [str(uuid.uuid4()) for _ in range(40)]
    by_id = await versions(site, ids, "x-request-id")
    assert await versions(site, ids, "x-request-id") == by_id
    assert 5 < by_id.count("a-v2") < 35
    traces = [uuid.uuid4().hex for _ in range(40)]
    by_trace = await versions(site, traces, "traceparent", "00-{}-00f067aa0ba902b7-01")
    assert await versions(site, traces, "traceparent", "00-{}-b7ad6b7169203331-00") == by_trace
    assert 5 < by_trace.count("a-v2") < 35


async def test_an_id_that_envoy_has_marked_as_traced_is_the_same_request(site: Proxied) -> None:
    await site.apply(split("request", 50, 50))
    ids = [str(uuid.uuid4()) for _ in range(40)]
    marked = [f"{one[:14]}9{one[15:]}" for one in ids]
    assert await versions(site, marked, "x-request-id") == await versions(site, ids, "x-request-id")


async def test_endpoints_are_chosen_by_what_their_rule_hashes_and_versions_by_the_user(site: Proxied) -> None:
    """Two copies of v1, which a query parameter tells apart."""
    rule = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec:
  host: a
  trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: q}}}
  subsets:
  - {name: v1, labels: {app: a}}
  - {name: v2, labels: {version: v3}}
"""
    services = SERVICES.split("---\napiVersion: networking.istio.io/v1\nkind: DestinationRule")
    await site.apply(split("header:x-user", 50, 50).replace(SERVICES, services[0] + rule))
    users = dict.fromkeys(range(30), "")
    there = [user for user in users if (await site.call("a/", x_user=f"u{user}")).status == 200]
    assert 5 < len(there) < 25, "the others are sent to v2, which has no endpoint"
    for user in there[:5]:
        assert {(await site.call(f"a/?q={q}", x_user=f"u{user}")).status for q in range(10)} == {200}
    by_key = {q: {(await site.call(f"a/?q={q}", x_user=f"u{user}")).by for user in there[:4]} for q in range(10)}
    assert all(len(found) == 1 for found in by_key.values())
    assert len(set().union(*by_key.values())) == 2
