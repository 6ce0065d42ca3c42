"""What Envoy says of a request's two ends: the labels that `compiler.access_log` and `compiler.endpoint` gave it."""

from __future__ import annotations

from typing import NamedTuple

from turnout.mesh.names import ClusterName


class Caller(NamedTuple):
    """All empty where it is not known."""

    workload: str = ""
    namespace: str = ""
    canonical_service: str = ""
    canonical_revision: str = ""


class Answerer(NamedTuple):
    """All empty where nobody was there to answer. `subset` is `-` for one that is in none."""

    workload: str = ""
    namespace: str = ""
    canonical_service: str = ""
    canonical_revision: str = ""
    subset: str = ""


def caller(text: str) -> Caller:
    parts = text.split(";")
    return Caller(*parts) if len(parts) == len(Caller._fields) else Caller()


def answerer(text: str) -> Answerer:
    """An endpoint that is not ours is told by its address, which has no such parts."""
    parts = text.split(",")
    return Answerer(*parts) if len(parts) == len(Answerer._fields) else Answerer()


def subset(own: str, cluster: ClusterName | None) -> str:
    """The endpoint's; without an endpoint, the one that was asked for. "" when there is none."""
    return own.strip("-") or (cluster.subset if cluster else "")
