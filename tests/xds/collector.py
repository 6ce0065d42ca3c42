"""A collector as other people's are: a gRPC server that takes OTLP's spans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from turnout.xds.otlp import otlp

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class Collector:
    """`received`: each span as Jaeger would show it, with the name of its service under `service.name`."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.requests = 0
        self.answer: Callable[[Any], Awaitable[Any]] | None = None
        """What to do instead of taking everything, given gRPC's context."""
        self.port = 0

    async def start(self, port: int = 0) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            # The official messages, not ours: what we describe by hand has to be what others read.
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    async def _export(self, request: Any, context: Any) -> Any:
        self.requests += 1
        if self.answer is not None:
            return await self.answer(context)
        for resource in request.resource_spans:
            named = _attributes(resource.resource.attributes)
            # An older edition's name for the same field, and the one that xds-protos brings.
            groups = getattr(resource, "scope_spans", None) or resource.instrumentation_library_spans
            self.received += [_plain(span, named) for group in groups for span in group.spans]
        return otlp("ExportTraceServiceResponse")()

    async def until(self, spans: int) -> list[dict[str, Any]]:
        """What was received, once it is so many."""
        async with asyncio.timeout(10):
            while len(self.received) < spans:  # noqa: ASYNC110 - it comes true on another side
                await asyncio.sleep(0.005)
        return self.received


def _plain(span: Any, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "failed": span.status.code == 2,
        **resource,
        **_attributes(span.attributes),
    }


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
