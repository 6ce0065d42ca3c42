"""Spans for a collector: the same ones as Turnout keeps, as OTLP over gRPC, to Jaeger, Tempo or whoever speaks it.

A collector may be slow, gone, or wrong; nobody but the forwarder notices, and what does not get through is counted.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import grpc

from turnout.telemetry.span import Span
from turnout.xds.schema import Described, messages

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PORT = 4317
MOST_WAITING = 10_000
AT_ONCE = 200
"""A span takes 30 us to write down, and the event loop has other things to do."""
EXPORT_SECONDS = 5.0
PAUSE_SECONDS = 2.0
"""Before a collector that did not take anything is tried again."""
LAST_WORDS_SECONDS = 1.0
"""How long the end of Turnout waits for what is still to be sent."""

SCHEMA: Described = {
    "AnyValue": {"string_value": (1, "string"), "bool_value": (2, "bool"), "int_value": (3, "int64")},
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "Resource": {"attributes": (1, "KeyValue[]")},
    "InstrumentationScope": {"name": (1, "string")},
    "Status": {"code": (3, "int64")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "parent_span_id": (4, "bytes"),
        "name": (5, "string"),
        "kind": (6, "int64"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "KeyValue[]"),
        "status": (15, "Status"),
    },
    "ScopeSpans": {"scope": (1, "InstrumentationScope"), "spans": (2, "Span[]")},
    "ResourceSpans": {"resource": (1, "Resource"), "scope_spans": (2, "ScopeSpans[]")},
    "ExportTraceServiceRequest": {"resource_spans": (1, "ResourceSpans[]")},
    "ExportTracePartialSuccess": {"rejected_spans": (1, "int64"), "error_message": (2, "string")},
    "ExportTraceServiceResponse": {"partial_success": (1, "ExportTracePartialSuccess")},
}
"""From open-telemetry/opentelemetry-proto."""
_SERVER, _PRODUCER = 2, 4
_ERROR = 2

_URL = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?/?")
_AGAIN = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
    )
)
"""What passes, as OTLP's specification has it; whoever answers anything else will answer it again."""
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # a collector is near; the proxy in the user's environment is for elsewhere
    ("grpc.max_reconnect_backoff_ms", 5000),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a collector listens. `encrypted`: with TLS, and a certificate that this machine trusts."""

    address: str
    encrypted: bool = False

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """`http://host:4317`, or without scheme or port. Raises ValueError."""
        found = _URL.fullmatch(url)
        if found is None or not 0 < int(found["port"] or PORT) < 65536:
            raise ValueError(f"{url!r} is not http://HOST:PORT")
        return cls(f"{found['host']}:{found['port'] or PORT}", found["scheme"] == "https")


class Forwarder:
    """Sends spans on, a few hundred at once, in the event loop where `run` is awaited."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.sent = 0
        self.dropped = 0
        self.failing = ""
        """What the collector said, or what became of it, when it took nothing last; empty once it takes spans again."""
        self._waiting: deque[Span] = deque()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._closed = asyncio.Event()

    def offer(self, spans: Iterable[Span]) -> None:
        """Takes them, or counts them where too many wait already."""
        for span in spans:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(span)
            else:
                self.dropped += 1
        self._wake.set()

    async def run(self) -> None:
        """Until `close`."""
        async with self._channel() as channel:
            export = channel.unary_unary(
                METHOD,
                request_serializer=otlp("ExportTraceServiceRequest").SerializeToString,
                response_deserializer=otlp("ExportTraceServiceResponse").FromString,
            )
            while not self._closing.is_set():
                await self._wake.wait()
                self._wake.clear()
                await self._send_all(export)
        self._closed.set()

    async def close(self) -> None:
        """What waits is still sent, if the collector takes it at once."""
        self._closing.set()
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._closed.wait()

    def _channel(self) -> Any:
        if self.endpoint.encrypted:
            return grpc.aio.secure_channel(self.endpoint.address, grpc.ssl_channel_credentials(), options=_OPTIONS)
        return grpc.aio.insecure_channel(self.endpoint.address, options=_OPTIONS)

    async def _send_all(self, export: Any) -> None:
        while self._waiting:
            if not await self._send(export):
                with suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_SECONDS):
                        await self._closing.wait()
                        return

    async def _send(self, export: Any) -> bool:
        """Whether the collector can be sent more now."""
        batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        try:
            answer = await export(request(batch), timeout=EXPORT_SECONDS)
        except grpc.aio.AioRpcError as error:
            self._failed(batch, error)
            return False
        refused = answer.partial_success.rejected_spans
        self.sent += len(batch) - refused
        self.dropped += refused
        self.failing = answer.partial_success.error_message if refused else ""
        return True

    def _failed(self, batch: Sequence[Span], error: grpc.aio.AioRpcError) -> None:
        self.failing = f"{error.code().name}: {error.details()}"
        room = MOST_WAITING - len(self._waiting) if error.code() in _AGAIN else 0
        kept = batch[len(batch) - min(room, len(batch)) :]
        self._waiting.extendleft(reversed(kept))
        self.dropped += len(batch) - len(kept)


@cache
def _classes() -> dict[str, Any]:
    return messages(SCHEMA)


def otlp(name: str) -> Any:
    """A class of OTLP's messages."""
    return _classes()[name]


def request(spans: Sequence[Span]) -> Any:
    """OTLP's ExportTraceServiceRequest. A span belongs to the service that answered, or should have."""
    built = otlp("ExportTraceServiceRequest")()
    for service, group in groupby(sorted(spans, key=service_name), key=service_name):
        resource = built.resource_spans.add()
        _text(resource.resource.attributes, "service.name", service)
        scope = resource.scope_spans.add()
        scope.scope.name = "turnout"
        for span in group:
            _fill(scope.spans.add(), span)
    return built


def service_name(span: Span) -> str:
    """As Istio calls its proxies' services, `reviews.default`; the caller's where nobody was to be called."""
    if span.workload:
        return f"{span.canonical_service}.{span.namespace}"
    if span.service:
        return ".".join(span.service.split(".")[:2])
    return f"{span.source_service}.{span.source_namespace}" if span.source else "unknown"


def _fill(built: Any, span: Span) -> None:
    built.trace_id = bytes.fromhex(span.trace_id)
    built.span_id = bytes.fromhex(span.span_id)
    built.parent_span_id = bytes.fromhex(span.parent_id)
    built.name = span.name
    built.kind = _PRODUCER if span.handed_over else _SERVER
    built.start_time_unix_nano = round(span.at * 1e6) * 1000
    built.end_time_unix_nano = built.start_time_unix_nano + round(span.duration_ms * 1e6)
    for key, text in _texts(span).items():
        if text:
            _text(built.attributes, key, text)
    for key, number in (("request_size", span.request_bytes), ("response_size", span.response_bytes)):
        if number:
            built.attributes.add(key=key).value.int_value = number
    for key, holds in (("error", span.error), ("mirrored", span.mirrored)):
        if holds:
            built.attributes.add(key=key).value.bool_value = True
    if span.error:
        built.status.code = _ERROR


def _texts(span: Span) -> dict[str, str]:
    """Under the names that Envoy and Istio use, so that saved searches find them."""
    return {
        "http.method": span.method,
        "http.url": span.url,
        "http.protocol": span.protocol,
        "http.status_code": span.status,
        "grpc.status_code": span.grpc_status,
        "response_flags": span.flags,
        "guid:x-request-id": span.request_id,
        "upstream_address": span.upstream,
        "source.workload": span.source,
        "source.namespace": span.source_namespace,
        "destination.service": span.service,
        "destination.workload": span.workload,
        "destination.namespace": span.namespace,
        "destination.version": span.version,
        "destination.subset": span.subset,
        "route": span.route,
        "istio.canonical_service": span.canonical_service,
        "istio.canonical_revision": span.version,
    }


def _text(attributes: Any, key: str, text: str) -> None:
    attributes.add(key=key).value.string_value = text
