"""One kind of request: who called, who answered, how."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from turnout.mesh.names import parse_cluster
from turnout.telemetry.labels import subset

OTHER = "other"
"""Stands for every workload and route of the series that are too many to be told apart."""


class _Hashed:
    """Has its hash computed once: a series is looked up some thirty times for each look at Envoy's counters."""

    __slots__ = ("_hash",)
    _hash: int


@dataclass(frozen=True, slots=True)
class Series(_Hashed):
    """`mirrored`: a copy, whose answer nobody got; who sent it is not known. What is empty was not there."""

    source_workload: str = ""
    source_workload_namespace: str = ""
    source_canonical_service: str = ""
    source_canonical_revision: str = ""
    upstream_cluster: str = ""
    """As mesh.names has it, `outbound|<port>|<subset>|<host>`; of a copy `copy|…`; "-" where a route leads to none."""
    destination_workload: str = ""
    destination_workload_namespace: str = ""
    destination_canonical_service: str = ""
    destination_canonical_revision: str = ""
    destination_subset: str = ""
    route: str = ""
    response_code: str = ""
    response_flags: str = ""
    grpc_response_status: str = ""
    """Empty where the request was not gRPC."""
    mirrored: bool = False

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash(_values(self)))
            return self._hash

    @property
    def destination_service(self) -> str:
        """The service's full host name; "" when the request was for none that is known."""
        cluster = parse_cluster(self.upstream_cluster)
        return cluster.host if cluster else ""

    @property
    def subset(self) -> str:
        """The endpoint's subset; without an endpoint, the one that was asked for. "" when there is none."""
        return subset(self.destination_subset, parse_cluster(self.upstream_cluster))

    @property
    def request_protocol(self) -> str:
        """Istio's word: `http` or `grpc`."""
        return "grpc" if self.grpc_response_status else "http"

    @property
    def failed(self) -> bool:
        """5xx, or no answer at all (code 0)."""
        return self.response_code.startswith("5") or self.response_code == "0"


_values = attrgetter(*Series.__match_args__)


def other(series: Series) -> Series:
    """What stands for a series that is one too many: only how it ended is still told."""
    return Series(
        source_workload=OTHER,
        destination_workload=OTHER,
        route=OTHER,
        response_code=series.response_code,
        mirrored=series.mirrored,
    )
