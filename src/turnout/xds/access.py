"""Envoy's access log service: takes its requests in, and hands them to whoever follows them or counts their users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
from envoy.config.core.v3.address_pb2 import Address
from envoy.data.accesslog.v3.accesslog_pb2 import AccessLogCommon, HTTPAccessLogEntry
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsResponse

from turnout.compiler import request_log, user_log
from turnout.delivery.users import Meeting
from turnout.mesh.names import parse_cluster
from turnout.telemetry import labels
from turnout.telemetry.access import Request
from turnout.xds.log_message import entries, log_name, meetings

SERVICE = "envoy.service.accesslog.v3.AccessLogService"
METHOD = "StreamAccessLogs"
MOST_PER_SECOND = 2500
"""Requests of one of Envoy's threads. Who looks must not slow control: beyond that, Envoy waits, and then drops."""

REST = 4
"""After so much work with users' requests, so many times as long is left to others; Envoy waits, and then drops."""

Take = Callable[[Sequence[Request]], None]
Count = Callable[[Sequence[Meeting]], None]


class AccessLogService:
    """Two streams for each of Envoy's threads. While nobody wants what comes, it is let go unread."""

    def __init__(self) -> None:
        self.followers: set[Take] = set()
        """Of each request."""
        self.counters: set[Count] = set()
        """Of those of sticky splits."""

    def handler(self) -> Any:
        """What an AdsServer serves besides. Messages come as bytes, since most are not read."""
        method = grpc.stream_unary_rpc_method_handler(
            self._serve, response_serializer=StreamAccessLogsResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(SERVICE, {METHOD: method})

    async def _serve(self, messages: AsyncIterator[bytes], context: Any) -> StreamAccessLogsResponse:
        log = ""
        async for message in messages:
            log = log or log_name(message)
            await (self._count(message) if log == user_log.LOG else self._tell(message))
        return StreamAccessLogsResponse()

    async def _tell(self, message: bytes) -> None:
        if self.followers:
            now = asyncio.get_running_loop().time
            began = now()
            requests = [request(entry) for entry in entries(message)]
            for take in tuple(self.followers):
                take(requests)
            await asyncio.sleep(began + len(requests) / MOST_PER_SECOND - now())

    async def _count(self, message: bytes) -> None:
        if self.counters:
            now = asyncio.get_running_loop().time
            began = now()
            met = meetings(message)
            for count in tuple(self.counters):
                count(met)
            await asyncio.sleep(REST * (now() - began))


def request(entry: HTTPAccessLogEntry) -> Request:
    """Envoy's words as ours."""
    common, asked, answered = entry.common_properties, entry.request, entry.response
    tags = common.custom_tags
    source = labels.caller(tags.get(request_log.SOURCE, ""))
    destination = labels.answerer(tags.get(request_log.DESTINATION, ""))
    cluster = parse_cluster(tags.get(request_log.CLUSTER, ""))
    return Request(
        at=common.start_time.seconds + common.start_time.nanos / 1e9,
        duration_ms=_milliseconds(common),
        status=answered.response_code.value,
        source=source.workload,
        source_namespace=source.namespace,
        service=cluster.host if cluster else "",
        workload=destination.workload,
        namespace=destination.namespace,
        version=destination.canonical_revision,
        subset=labels.subset(destination.subset, cluster),
        route=_given(tags.get(request_log.ROUTE, "")),
        method=tags.get(request_log.METHOD, ""),
        authority=asked.authority,
        path=asked.original_path or asked.path,
        flags=_given(tags.get(request_log.FLAGS, "")),
        details=answered.response_code_details,
        attempts=common.upstream_request_attempt_count,
        request_bytes=common.downstream_wire_bytes_received,
        response_bytes=common.downstream_wire_bytes_sent,
        request_id=asked.request_id,
        trace_id=_given(tags.get(request_log.TRACE, "")),
        upstream=_address(common.upstream_remote_address),
        mirrored=request_log.MIRRORED in tags,
    )


def _given(text: str) -> str:
    """Envoy writes `-` for what is not there."""
    return "" if text == "-" else text


def _milliseconds(common: AccessLogCommon) -> float:
    """To the last byte of the answer, as metrics have it; of an answer that never ended, to the request's end."""
    answered = common.HasField("time_to_last_downstream_tx_byte")
    taken = common.time_to_last_downstream_tx_byte if answered else common.duration
    return taken.seconds * 1e3 + taken.nanos / 1e6


def _address(address: Address) -> str:
    if address.HasField("socket_address"):
        return f"{address.socket_address.address}:{address.socket_address.port_value}"
    return ""
