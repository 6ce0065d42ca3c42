"""Istio's labels of a series: their names, and what is said where something is not known.

What Envoy counts is the caller's side of a call. A mesh of sidecars counts it once more where it arrives, and Flagger,
Kiali and many dashboards ask that side: `DESTINATION` says the same of each call that somebody was there to answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnout.mesh.names import BLOCK_ALL, DOMAIN
from turnout.telemetry.series import OTHER, Series

UNKNOWN = "unknown"
CLUSTER = "Kubernetes"
"""Istio's name for a mesh of one cluster. Kiali passes over what has a namespace and no cluster."""
BLACK_HOLE = "BlackHoleCluster"
"""Where Istio sends what is for no service that it knows."""
PLAIN_TEXT = "none"

SOURCE: Mapping[str, str] = {"reporter": "source", "connection_security_policy": UNKNOWN}
DESTINATION: Mapping[str, str] = {"reporter": "destination", "connection_security_policy": PLAIN_TEXT}


def labels(series: Series) -> dict[str, str]:
    """All of Istio's labels but those in which the two reporters differ."""
    return _source(series) | destination(series)


def destination(series: Series) -> dict[str, str]:
    """Who answered, and how: all that is known of a copy."""
    known = series.destination_service or series.destination_workload_namespace
    return {
        **_peer(series, "destination", known),
        **_service(series),
        "request_protocol": series.request_protocol,
        "response_code": series.response_code,
        "grpc_response_status": series.grpc_response_status,
        "response_flags": series.response_flags,
    }


def connection(series: Series) -> dict[str, str]:
    """The labels of those that nobody reads: without an answer's."""
    answer = ("response_code", "grpc_response_status")
    return {name: value for name, value in labels(series).items() if name not in answer} | {"request_protocol": "tcp"}


def _source(series: Series) -> dict[str, str]:
    return _peer(series, "source", series.source_workload_namespace)


def _peer(series: Series, side: str, known: str) -> dict[str, str]:
    """One side of a call. `known`: not empty where it is known in which cluster it is."""
    app, revision = (getattr(series, f"{side}_canonical_{name}") for name in ("service", "revision"))
    return {
        f"{side}_workload": getattr(series, f"{side}_workload") or UNKNOWN,
        f"{side}_workload_namespace": getattr(series, f"{side}_workload_namespace") or UNKNOWN,
        f"{side}_principal": UNKNOWN,
        f"{side}_app": app or UNKNOWN,
        f"{side}_version": _version(revision),
        f"{side}_canonical_service": app or UNKNOWN,
        f"{side}_canonical_revision": revision or UNKNOWN,
        f"{side}_cluster": _cluster(known),
    }


def reporters(series: Series) -> tuple[Mapping[str, str], ...]:
    """Who tells of it. What is folded into `other` may have had an answer or not: only its callers do."""
    return (SOURCE, DESTINATION) if series.destination_workload not in ("", OTHER) else (SOURCE,)


def service(host: str) -> dict[str, str]:
    """A service's labels, from its full name: `reviews.default.svc.cluster.local`."""
    short, _, rest = host.partition(".")
    namespace, _, domain = rest.partition(".")
    local = domain == f"svc.{DOMAIN}"
    return {
        "destination_service": host,
        "destination_service_name": short if local else host,
        "destination_service_namespace": namespace if local else UNKNOWN,
    }


def _service(series: Series) -> dict[str, str]:
    if series.destination_service:
        return service(series.destination_service)
    nobody = dict.fromkeys(service(""), UNKNOWN)
    return nobody | ({"destination_service_name": BLACK_HOLE} if series.route == BLOCK_ALL else {})


def _version(revision: str) -> str:
    """Istio takes it from the same label, but says `latest` only of the canonical revision."""
    return UNKNOWN if revision in ("", "latest") else revision


def _cluster(known: str) -> str:
    return CLUSTER if known else UNKNOWN
