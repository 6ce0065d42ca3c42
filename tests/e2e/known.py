"""Known traffic: so many requests of each kind, who answers them and how, and what each question about them must give.

gateway ─► app v1, of which v2 gets copies; v2; v3, which has no pods; web; nothing
web ─────► app v1, v2; a host that is no service
"""

from __future__ import annotations

import math
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import psutil
from tests.e2e import manifests
from tests.e2e.manifests import HOST
from tests.e2e.site import Site

APP, WEB = (f"{name}.default.svc.cluster.local" for name in ("app", "web"))
WEB_HOST = "web.test"
SLOW_SECONDS = 0.7
BOUNDS = (0, 0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Istio's, as far as they are needed: of milliseconds, and of bytes."""
SLOW_BUCKET = (500, 1000)
FAST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """`by`: who answers, empty when nobody does; `copied`: v2 gets a copy, which it answers in the same way."""

    name: str
    requests: int
    path: str = "/"
    host: str = HOST
    headers: str = ""
    caller: str = "gateway"
    by: str = "app-v1"
    service: str = APP
    code: int = 200
    flags: str = "-"
    grpc_status: str = ""
    copied: bool = False
    retried: bool = False
    slow: bool = False


KINDS = (
    Kind("to v1", 40, copied=True),
    Kind("503 of v1", 6, "/status/503", code=503, copied=True),
    Kind("404 of v1", 4, "/status/404", code=404, copied=True),
    Kind("slow of v1", 4, f"/slow?seconds={SLOW_SECONDS:.3f}", copied=True, slow=True),
    Kind("repeated", 4, "/flaky", retried=True),
    Kind("to v2", 30, headers="x-to: v2\r\n", by="app-v2"),
    Kind("500 of v2", 5, "/status/500", headers="x-to: v2\r\n", by="app-v2", code=500),
    Kind("gRPC", 3, headers="x-to: v2\r\ncontent-type: application/grpc\r\n", by="app-v2", grpc_status="2"),
    Kind("to v3", 3, headers="x-to: v3\r\n", by="", code=503, flags="UH"),
    Kind("to web", 10, host=WEB_HOST, by="web-v1", service=WEB),
    Kind("to nobody", 2, host="nobody.test", by="", service="", code=404, flags="NR"),
    Kind("web to v1", 20, host="app", caller="web", copied=True),
    Kind("500 of v2 to web", 2, "/status/500", "app", "x-to: v2\r\n", "web", "app-v2", code=500),
    Kind("blocked", 3, host="unknown.test", caller="web", by="", service="BlackHoleCluster", code=502),
)
BURST = tuple(replace(kind, requests=10) for kind in KINDS if kind.name in ("to v2", "to web"))
"""Few and fast, so that they fit between two scrapes."""


def lay_out(site: Site) -> None:
    """The site's manifests."""
    site.apply("v3.yaml", manifests.deployment("v3", replicas=0))
    site.apply("web.yaml", manifests.service("web"), manifests.deployment("v1", app="web"))
    site.apply("rule.yaml", manifests.destination_rule({version: version for version in ("v1", "v2", "v3")}))
    site.apply("gateway.yaml", manifests.gateway("*.test"))
    mirrored = {"mirror": {"host": "app", "subset": "v2"}, "mirrorPercentage": {"value": 100}}
    versions = [
        manifests.split({version: 100}, name=version) | {"match": [{"headers": {"x-to": {"exact": version}}}]}
        for version in ("v2", "v3")
    ]
    once_more = manifests.split({"v1": 100}, name="flaky", path="/flaky")
    once_more["retries"] = {"attempts": 3, "retryOn": "5xx"}
    app = manifests.virtual_service(*versions, once_more, manifests.split({"v1": 100}) | mirrored)
    app["spec"] |= {"hosts": [HOST, "app"], "gateways": ["gateway", "mesh"]}
    web = manifests.virtual_service({"route": [{"destination": {"host": "web"}}]}, name="web", host=WEB_HOST)
    site.apply("route.yaml", app, web)


# --- sending


@dataclass(slots=True)
class Sizes:
    """Bytes on the wire of a request and its answer, by the name of their kind."""

    requests: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)


def send(site: Site, kinds: Iterable[Kind] = KINDS) -> Sizes:
    """One request after the other, each kind on a connection of its own; every answer is as expected."""
    pid = site.pods("web-v1")[0]["pid"]
    way_out = int(psutil.Process(pid).environ()["http_proxy"].rpartition(":")[2])
    sizes = Sizes()
    for kind in kinds:
        port = site.port if kind.caller == "gateway" else way_out
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            for _ in range(kind.requests):
                sizes.requests[kind.name], sizes.answers[kind.name] = _exchange(connection, kind)
    return sizes


def _exchange(connection: socket.socket, kind: Kind) -> tuple[int, int]:
    target = kind.path if kind.caller == "gateway" else f"http://{kind.host}{kind.path}"
    request = f"GET {target} HTTP/1.1\r\nhost: {kind.host}\r\n{kind.headers}\r\n".encode()
    began = time.monotonic()
    connection.sendall(request)
    answer = b""
    while not _whole(answer):
        piece = connection.recv(1 << 16)
        assert piece, f"{kind.name}: cut off after {answer!r}"
        answer += piece
    took = time.monotonic() - began
    assert int(answer.split(b" ", 2)[1]) == kind.code, (kind.name, answer)
    assert kind.slow or took < FAST_SECONDS, f"{kind.name} took {took:.3f} s: the machine is too busy"
    assert not {len(request), len(answer)} & {*BOUNDS}, "Envoy's finer buckets begin with a bound, Istio's end with it"
    return len(request), len(answer)


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


# --- what must be found

Labels = frozenset[tuple[str, str]]
"""Name and value; as with Prometheus, an empty value is none."""
Values = dict[Labels, float]
SOME_FAST = math.nan
"""A quantile of durations of which only this is known: it is a fast one."""


@dataclass(frozen=True, slots=True)
class Row:
    """So many requests with these labels."""

    labels: Mapping[str, str]
    requests: int
    kind: Kind

    def has(self, wanted: Mapping[str, str]) -> bool:
        """`wanted`: label to a regular expression."""
        return all(re.fullmatch(value, self.labels[name]) for name, value in wanted.items())

    def group(self, by: str) -> Labels:
        names = by.split(", ") if by else []
        return frozenset((name, self.labels[name]) for name in names if self.labels[name])


@dataclass(frozen=True, slots=True)
class Known:
    """Traffic, and what each question about it must give. `by` lists labels; `wanted` picks requests."""

    rows: Sequence[Row]
    sizes: Sizes

    def counts(self, by: str = "", **wanted: str) -> Values:
        """How many requests."""
        found: Values = {}
        for row in self._picked(wanted):
            found[row.group(by)] = found.get(row.group(by), 0) + row.requests
        return found

    def rates(self, seconds: float, by: str = "", **wanted: str) -> Values:
        return {labels: count / seconds for labels, count in self.counts(by, **wanted).items()}

    def success(self, by: str = "", **wanted: str) -> Values:
        """The share of those that are no 5xx."""
        well = self.counts(by, **wanted, response_code="[1-4]..")
        return {labels: well.get(labels, 0) / count for labels, count in self.counts(by, **wanted).items()}

    def durations(self, of: float, by: str = "", **wanted: str) -> Values:
        """A quantile in milliseconds, where it falls into the bucket of the slow ones; else SOME_FAST."""
        slow = Known([row for row in self.rows if row.kind.slow], self.sizes).counts(by, **wanted)
        low, high = SLOW_BUCKET
        found = {}
        for labels, count in self.counts(by, **wanted).items():
            above = of * count - (count - slow.get(labels, 0))
            found[labels] = low + (high - low) * above / slow[labels] if above > 0 else SOME_FAST
        return found

    def request_sizes(self, of: float, by: str = "", **wanted: str) -> Values:
        """A quantile in bytes."""
        return self._interpolated(of, self.sizes.requests, by, wanted)

    def answer_sizes(self, of: float, by: str = "", **wanted: str) -> Values:
        return self._interpolated(of, self.sizes.answers, by, wanted)

    def _picked(self, wanted: Mapping[str, str]) -> Iterator[Row]:
        return (row for row in self.rows if row.has(wanted))

    def _interpolated(self, of: float, sizes: Mapping[str, int], by: str, wanted: Mapping[str, str]) -> Values:
        seen: dict[Labels, list[int]] = {}
        for row in self._picked(wanted):
            seen.setdefault(row.group(by), []).extend([sizes[row.kind.name]] * row.requests)
        return {labels: _quantile(values, of) for labels, values in seen.items()}


def _quantile(values: Sequence[int], of: float) -> float:
    """As Prometheus finds it: interpolated within a bucket."""
    rank, below = of * len(values), 0
    for low, high in pairwise(BOUNDS):
        within = sum(low < value <= high for value in values)
        if within and below + within >= rank:
            return low + (high - low) * (rank - below) / within
        below += within
    raise AssertionError("beyond the largest bound")


def answers(sent: Iterable[Kind], sizes: Sizes) -> Known:
    """What users got, as Istio tells of it: by each reporter."""
    rows = [
        Row({"reporter": reporter, **_source(kind), **_destination(kind)}, kind.requests, kind)
        for kind in sent
        for reporter in (("source", "destination") if kind.by else ("source",))
    ]
    return Known(rows, sizes)


def copies(sent: Iterable[Kind], sizes: Sizes) -> Known:
    """What copies got: all went to v2, which answers as v1 does."""
    copied = [replace(kind, by="app-v2") for kind in sent if kind.copied]
    return Known([Row(_destination(kind), kind.requests, kind) for kind in copied], sizes)


def _source(kind: Kind) -> dict[str, str]:
    gateway = kind.caller == "gateway"
    return {
        "source_workload": "istio-ingressgateway" if gateway else "web-v1",
        "source_workload_namespace": "istio-system" if gateway else "default",
        "source_canonical_service": "istio-ingressgateway" if gateway else "web",
        "source_canonical_revision": "latest" if gateway else "v1",
        "source_cluster": "Kubernetes",
    }


def _destination(kind: Kind) -> dict[str, str]:
    known = kind.service in (APP, WEB)
    name, _, version = kind.by.partition("-")
    return {
        "destination_workload": kind.by or "unknown",
        "destination_workload_namespace": "default" if kind.by else "unknown",
        "destination_canonical_service": name or "unknown",
        "destination_canonical_revision": version or "unknown",
        "destination_cluster": "Kubernetes" if known else "unknown",
        "destination_service": kind.service if known else "unknown",
        "destination_service_name": kind.service.partition(".")[0] or "unknown",
        "destination_service_namespace": "default" if known else "unknown",
        "request_protocol": "grpc" if kind.grpc_status else "http",
        "response_code": str(kind.code),
        "grpc_response_status": kind.grpc_status,
        "response_flags": kind.flags,
    }
