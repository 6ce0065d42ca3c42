"""What Envoy's Zipkin tracer hands in, as spans: Zipkin's protobuf list, version 2."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from google.protobuf.message import DecodeError

from turnout.compiler import tracing
from turnout.mesh.names import parse_cluster
from turnout.telemetry import labels
from turnout.telemetry.span import Span
from turnout.xds.schema import Described, messages

SCHEMA: Described = {
    "Tag": {"key": (1, "string"), "value": (2, "string")},
    "Span": {
        "trace_id": (1, "bytes"),
        "parent_id": (2, "bytes"),
        "id": (3, "bytes"),
        "name": (5, "string"),
        "timestamp": (6, "fixed64"),
        "duration": (7, "uint64"),
        "tags": (11, "Tag[]"),
    },
    "ListOfSpans": {"spans": (1, "Span[]")},
}
"""From zipkin.proto of openzipkin/zipkin-api. Times are in microseconds."""

_MOST_CHARACTERS = 1024
"""Of a tag: clients decide how long their host names and request ids are."""


def count(body: bytes) -> int:
    """How many spans there are; 0 in what is no list of spans."""
    return len(_parsed(body))


def spans(body: bytes) -> list[Span]:
    """Empty for what is no list of spans: nobody but Envoy, which knows better, and the user can send any."""
    return [_span(found) for found in _parsed(body)]


def _parsed(body: bytes) -> Sequence[Any]:
    try:
        found: Sequence[Any] = _list_of_spans().FromString(body).spans
    except DecodeError:
        return ()
    return found


@cache
def _list_of_spans() -> Any:
    return messages(SCHEMA)["ListOfSpans"]


def _span(found: Any) -> Span:
    # A dash is Envoy's word for what is not there.
    tags = {tag.key: tag.value[:_MOST_CHARACTERS] for tag in found.tags if tag.value != "-"}
    cluster = parse_cluster(tags.get("upstream_cluster", ""))
    source = labels.caller(tags.get(tracing.SOURCE, ""))
    destination = labels.answerer(tags.get(tracing.DESTINATION, ""))
    status = tags.get("http.status_code", "")
    return Span(
        trace_id=found.trace_id.hex().zfill(32),  # an old B3 client's has half as many digits
        span_id=_identity(found.id),
        parent_id=_identity(found.parent_id),
        name=f"{cluster.host}:{cluster.port}/*" if cluster else found.name,
        at=found.timestamp / 1e6,
        duration_ms=found.duration / 1e3,
        source=source.workload,
        source_namespace=source.namespace,
        source_service=source.canonical_service,
        service=cluster.host if cluster else "",
        canonical_service=destination.canonical_service,
        workload=destination.workload,
        namespace=destination.namespace,
        version=destination.canonical_revision,
        subset=labels.subset(destination.subset, cluster),
        upstream=tags.get(tracing.UPSTREAM, ""),
        route=tags.get(tracing.ROUTE, ""),
        method=tags.get("http.method", ""),
        url=tags.get("http.url", ""),
        protocol=tags.get("http.protocol", ""),
        status=status,
        flags=tags.get("response_flags", ""),
        grpc_status=tags.get("grpc.status_code", ""),
        request_bytes=_number(tags.get("request_size", "")),
        response_bytes=_number(tags.get("response_size", "")),
        request_id=tags.get("guid:x-request-id", ""),
        error=tags.get("error") == "true" or status.startswith("5"),
        mirrored=tracing.MIRRORED in tags or (cluster is not None and cluster.kind != "outbound"),
        handed_over=cluster is not None and cluster.kind == "mirror",
    )


def _identity(number: bytes) -> str:
    """As in the headers. Envoy writes a span's number, unlike a trace's, in the machine's order of bytes."""
    return (number[::-1] if sys.byteorder == "little" else number).hex()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
