"""`/metrics`: a place of its own, behind the same gate."""

from __future__ import annotations

import asyncio
import json

from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver.server import ApiServer
from turnout.apiserver.store import Store

ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def test_a_scrape_gets_what_it_asked_for_whole_and_with_its_type(shared: Served) -> None:
    response, text = shared.request("GET", "/metrics", headers={"Accept": ACCEPT})
    assert (response.status, text) == (200, f"# {ACCEPT}")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_scrape_without_the_token_gets_nothing(shared: Served) -> None:
    response, answer = shared.request("GET", "/metrics", headers={"Authorization": ""})
    assert (response.status, answer["reason"]) == (401, "Unauthorized")


def test_metrics_are_only_read(shared: Served) -> None:
    assert shared.request("POST", "/metrics", {})[0].status == 405


async def test_a_server_without_metrics_says_so(store: Store) -> None:
    server = ApiServer(store, TOKEN, {})
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start())
    writer.write(f"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n".encode())
    writer.write(b"connection: close\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404"), head
    assert json.loads(body)["reason"] == "NotFound"
    writer.close()
    await server.stop()
