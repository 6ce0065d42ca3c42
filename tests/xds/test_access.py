"""Envoy's access log service: what a client on the socket sends is read, and no faster than control can bear."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import grpc
import pytest
from envoy.data.accesslog.v3.accesslog_pb2 import HTTPAccessLogEntry
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage, StreamAccessLogsResponse
from google.protobuf.json_format import ParseDict

from turnout.telemetry.access import Request
from turnout.xds import access
from turnout.xds.access import AccessLogService, request
from turnout.xds.ads import AdsServer

CLUSTER = "outbound|80|v1|app.default.svc.cluster.local"
ENTRY = {
    "common_properties": {
        "start_time": "2026-11-22T01:57:11.220Z",
        "duration": "2s",
        "time_to_last_downstream_tx_byte": "0.0125s",
        "upstream_remote_address": {"socket_address": {"address": "127.0.0.1", "port_value": 20001}},
        "upstream_request_attempt_count": 3,
        "downstream_wire_bytes_received": 90,
        "downstream_wire_bytes_sent": 118,
        "custom_tags": {
            "cluster": CLUSTER,
            "source": "web;default;web;latest",
            "destination": "app-v1,default,app,1.2,v1",
            "route": "main",
            "method": "PROPFIND",
            "flags": "URX,UF",
            "trace": "-",
        },
    },
    "request": {"authority": "app.test", "path": "/new", "original_path": "/old", "request_id": "r"},
    "response": {"response_code": 503, "response_code_details": "via_upstream"},
}
WHOLE = Request(
    at=1795312631.22,
    duration_ms=12.5,
    status=503,
    source="web",
    source_namespace="default",
    service="app.default.svc.cluster.local",
    workload="app-v1",
    namespace="default",
    version="1.2",
    subset="v1",
    route="main",
    method="PROPFIND",
    authority="app.test",
    path="/old",
    flags="URX,UF",
    details="via_upstream",
    attempts=3,
    request_bytes=90,
    response_bytes=118,
    request_id="r",
    upstream="127.0.0.1:20001",
)


def entry(**common: Any) -> HTTPAccessLogEntry:
    plain = ENTRY | {"common_properties": {**ENTRY["common_properties"], **common}}  # type: ignore[dict-item] # a dict
    return ParseDict(plain, HTTPAccessLogEntry())


def tagged(**tags: str) -> HTTPAccessLogEntry:
    return entry(custom_tags=tags)


def test_what_envoy_says_of_a_request_is_read() -> None:
    assert request(entry()) == WHOLE


def test_who_was_not_there_is_empty() -> None:
    found = request(tagged(cluster=CLUSTER, destination="-", flags="UH", route="-"))
    assert (found.workload, found.namespace, found.version, found.route) == ("", "", "", "")
    assert (found.service, found.subset) == ("app.default.svc.cluster.local", "v1")


def test_what_no_cluster_was_found_for_has_no_service() -> None:
    found = request(tagged(cluster="-", flags="NR"))
    assert (found.service, found.subset, found.flags) == ("", "", "NR")


def test_an_endpoint_in_no_subset_has_none() -> None:
    found = tagged(cluster="outbound|80||a.b.svc.cluster.local", destination="a,b,a,v1,-")
    assert request(found).subset == ""


def test_a_copy_is_one_and_has_no_caller() -> None:
    found = request(tagged(mirrored="true"))
    assert (found.mirrored, found.source) == (True, "")


def test_the_time_of_an_answer_that_never_ended_is_that_of_the_request() -> None:
    unended = entry()
    unended.common_properties.ClearField("time_to_last_downstream_tx_byte")
    assert request(unended).duration_ms == 2000


class Caller:
    """Envoy's part: a stream of messages to the socket."""

    def __init__(self, folder: Path) -> None:
        self.service = AccessLogService()
        self.server = AdsServer(folder / "ads.sock", on_rejection=lambda _: None, services=[self.service.handler()])
        self._address = f"unix:{folder / 'ads.sock'}"

    async def send(self, messages: Iterable[StreamAccessLogsMessage]) -> None:
        """Until the server has taken them all."""
        async with grpc.aio.insecure_channel(self._address) as channel:
            call = channel.stream_unary(
                f"/{access.SERVICE}/{access.METHOD}",
                request_serializer=StreamAccessLogsMessage.SerializeToString,
                response_deserializer=StreamAccessLogsResponse.FromString,
            )
            async with asyncio.timeout(10):
                await call(iter(messages))


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    with tempfile.TemporaryDirectory(prefix="tno-") as folder:
        made = Caller(Path(folder))
        await made.server.start()
        yield made
        await made.server.stop()


def message(entries: int) -> StreamAccessLogsMessage:
    built = StreamAccessLogsMessage()
    built.http_logs.log_entry.extend([entry()] * entries)
    return built


async def test_everybody_who_follows_gets_each_request(caller: Caller) -> None:
    one: list[Request] = []
    other: list[Request] = []
    caller.service.followers |= {one.extend, other.extend}
    await caller.send([message(2), message(1)])
    assert one == other == [WHOLE] * 3


async def test_while_nobody_follows_nothing_is_read(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "request", None)
    await caller.send([message(1)] * 100)


async def test_a_stream_is_read_no_faster_than_control_can_bear(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MOST_PER_SECOND", 100)
    found: list[Request] = []
    caller.service.followers.add(found.extend)
    now = asyncio.get_running_loop().time
    began = now()
    await caller.send([message(10)] * 3)
    assert len(found) == 30
    assert now() - began > 0.29  # timers ring a little early
