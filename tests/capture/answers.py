"""What Envoy's tap writes, without an Envoy."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from turnout.capture.trace import Trace, trace
from turnout.delivery.comparison.exchange import Exchange

HOST = "app.default.svc.cluster.local"
STABLE, CANDIDATE = "v1", "v2"
ANSWERED, COPIED = f"outbound|80|{STABLE}|{HOST}", "copy|80|%s|" + HOST
JSON = dict[str, Any]


def raw(
    key: str = "k1",
    *,
    body: bytes = b"{}",
    status: int | None = 200,
    cluster: str = ANSWERED,
    route: str = "main",
    mirror: str = "",
    request: Mapping[str, str] | None = None,
    response: Mapping[str, str] | None = None,
    truncated: bool = False,
    took_ms: float = 5.0,
) -> JSON:
    """One trace as Envoy 1.40 writes it; `mirror`: it is a copy's, and for whom. No status: nobody answered."""
    label = {"x-turnout-mirror": mirror} if mirror else {}
    asked = {
        ":authority": "app.test",
        ":path": "/things?page=1",
        ":method": "GET",
        "x-turnout-id": key,
        "x-turnout-copied": f"{cluster} {route}",
        **label,
        **(request or {}),
    }
    whole: JSON = {
        "request": {"headers": _headers(asked), "trailers": [], "headers_received_time": "2026-11-22T05:14:41.250000Z"}
    }
    if status is not None:
        told = {":status": str(status), "x-envoy-upstream-service-time": "4", **(response or {})}
        whole["response"] = {
            "headers": _headers({name: value for name, value in told.items() if value}),
            "trailers": [],
            "headers_received_time": f"2026-11-22T05:14:41.{250000 + round(took_ms * 1000):06}Z",
            **({"body": {"as_bytes": b64encode(body).decode(), "truncated": truncated}} if body else {}),
        }
    return {"http_buffered_trace": whole}


def copied(to: str = CANDIDATE, **more: Any) -> JSON:
    """A copy's."""
    label = "candidate" if to == CANDIDATE else "baseline"
    return raw(cluster=COPIED % to, mirror=label, **more)


def read(data: JSON) -> Trace:
    found = trace(data)
    assert found is not None
    return found


def exchange(data: JSON) -> Exchange:
    return read(data).exchange


def batch(*traces: JSON) -> bytes:
    """As the sink sends them: indented, one after the other."""
    return b"".join(json.dumps(each, indent=1).encode() + b"\n" for each in traces) + b"\n"


def _headers(values: Mapping[str, str]) -> list[JSON]:
    return [{"key": name, "value": value, "raw_value": ""} for name, value in values.items()]
