"""One request as Envoy saw it, as a line of JSON, and which requests somebody wants to see."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from turnout.telemetry import flags

_STATUS = re.compile(r"[1-5]xx|\d{1,3}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is empty was not there, or is not known: a copy's caller, the pod when nobody answered.

    `at`: seconds since 1970. Bytes are those on the wire, headers and all, on the caller's side.
    """

    at: float
    duration_ms: float
    status: int
    """0: the client was gone before there was an answer."""
    source: str = ""
    source_namespace: str = ""
    service: str = ""
    """The destination's full host name."""
    workload: str = ""
    """Which answered, as are its namespace and version."""
    namespace: str = ""
    version: str = ""
    subset: str = ""
    route: str = ""
    method: str = ""
    authority: str = ""
    path: str = ""
    """As it came, before any rewrite."""
    flags: str = ""
    """As Envoy writes them: `URX,UF`."""
    details: str = ""
    """Envoy's own word for what happened: `via_upstream`, `no_healthy_upstream`."""
    attempts: int = 0
    """How often it was sent; more than once with retries."""
    request_bytes: int = 0
    response_bytes: int = 0
    request_id: str = ""
    trace_id: str = ""
    upstream: str = ""
    """The address that it was sent to."""
    mirrored: bool = False


def line(request: Request) -> str:
    """All that is known of it as one line of JSON, without a line feed."""
    return json.dumps(_plain(request), ensure_ascii=False, separators=(",", ":"))


def _plain(request: Request) -> Mapping[str, object]:
    at = datetime.fromtimestamp(request.at, UTC).isoformat(timespec="milliseconds")
    return {
        "at": at.replace("+00:00", "Z"),
        "source": request.source,
        "source_namespace": request.source_namespace,
        "service": request.service,
        "workload": request.workload,
        "namespace": request.namespace,
        "version": request.version,
        "subset": request.subset,
        "route": request.route,
        "method": request.method,
        "authority": request.authority,
        "path": request.path,
        "status": request.status,
        "flags": request.flags,
        "flags_in_words": flags.in_words(request.flags),
        "details": request.details,
        "attempts": request.attempts,
        "duration_ms": round(request.duration_ms, 3),
        "request_bytes": request.request_bytes,
        "response_bytes": request.response_bytes,
        "request_id": request.request_id,
        "trace_id": request.trace_id,
        "mirrored": request.mirrored,
        "upstream": request.upstream,
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests to show; what is empty restricts nothing.

    `workload`: the caller, the workload that answered, or the service; `statuses`: any of `404`, `5xx`.
    """

    workload: str = ""
    service: str = ""
    statuses: tuple[str, ...] = ()

    def includes(self, request: Request) -> bool:
        """Whether to show this one."""
        if self.workload and not self._concerns(request):
            return False
        if self.service and not _called(request.service, self.service):
            return False
        return not self.statuses or any(_has(request.status, status) for status in self.statuses)

    def _concerns(self, request: Request) -> bool:
        return self.workload in (request.source, request.workload) or _called(request.service, self.workload)


def is_status(text: str) -> bool:
    """Whether `Wanted.statuses` may have it."""
    return _STATUS.fullmatch(text) is not None


def _called(host: str, name: str) -> bool:
    """A service by its full name or the first part of it."""
    return name in (host, host.partition(".")[0])


def _has(status: int, wanted: str) -> bool:
    return status // 100 == int(wanted[0]) if wanted.endswith("xx") else status == int(wanted)
