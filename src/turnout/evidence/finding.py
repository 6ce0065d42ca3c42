"""Where a cluster's Prometheus is, and how it is asked: at an address, or through the API server's service proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from turnout.client import Client
from turnout.error import ApiError, ClusterFailed, EvidenceFailed
from turnout.evidence import prometheus
from turnout.resources.kinds import SERVICE

PATIENCE_SECONDS: Final = 20.0
"""A command may wait for what a rollout's look may not: the metrics of a whole mesh."""

NAMESPACE: Final = "istio-system"
NAME: Final = "prometheus"
PORT: Final = 9090
"""Of Istio's own addon: istio.io/latest/docs/ops/integrations/prometheus."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`path`: below the API server, of a service's proxy; else `url` is asked directly. For several threads."""

    client: Client | None = None
    path: str = ""
    url: str = ""
    _one_by_one: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    @property
    def name(self) -> str:
        """Without a password that may stand in the address."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if self.url else self.path

    def __call__(self, promql: str, at: float | None = None) -> Mapping[str, Any]:
        """The `data` of an instant query, as of `at` (unix seconds; None: now). Raises EvidenceFailed."""
        if self.client is None:
            return prometheus.data(self.url, promql, at, PATIENCE_SECONDS)
        query = {"query": promql} | ({} if at is None else {"time": f"{at:.3f}"})
        try:
            with self._one_by_one:
                answer: Mapping[str, Any] = self.client.read(f"{self.path}/api/v1/query", query)["data"]
        except (ApiError, ClusterFailed) as error:
            raise EvidenceFailed(f"cannot ask Prometheus at {self.path}: {error.message}", error.hint) from error
        except (LookupError, TypeError) as error:
            raise EvidenceFailed(f"{self.path} answers in an unknown way", "is it a Prometheus?") from error
        return answer


def named(client: Client, text: str) -> Prometheus:
    """`http://…`, or `namespace/service:port` of the cluster. Raises EvidenceFailed."""
    if "://" in text:
        return Prometheus(url=text.rstrip("/"))
    namespace, slash, rest = text.partition("/")
    name, _, port = rest.partition(":")
    if not slash or not namespace or not name:
        raise EvidenceFailed(f"{text} is neither a URL nor namespace/service:port of a Prometheus")
    return Prometheus(client, proxied(namespace, name, port or str(PORT)))


def found(client: Client) -> Prometheus | None:
    """The one beside Istio; None where there is none that may be seen."""
    try:
        services = client.list(SERVICE, NAMESPACE)["items"]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
    for service in sorted(services, key=lambda each: each["metadata"]["name"] != NAME):
        if _is_prometheus(service):
            return Prometheus(client, proxied(NAMESPACE, service["metadata"]["name"], str(_port(service))))
    return None


def proxied(namespace: str, name: str, port: str) -> str:
    """kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services: the proxy of a service."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/services/http:{quote(name, safe='')}:{port}/proxy"


def _is_prometheus(service: Mapping[str, Any]) -> bool:
    labels = service["metadata"].get("labels") or {}
    names = (service["metadata"]["name"], labels.get("app.kubernetes.io/name"), labels.get("app"))
    return NAME in names and any(True for _ in _ports(service))


def _port(service: Mapping[str, Any]) -> int:
    ports = list(_ports(service))
    return PORT if PORT in ports else ports[0]


def _ports(service: Mapping[str, Any]) -> Iterator[int]:
    yield from (port["port"] for port in (service.get("spec") or {}).get("ports") or ())
