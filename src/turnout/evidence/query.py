"""A query of one's own as evidence: two counters, of Turnout's own metrics or of a Prometheus."""

from __future__ import annotations

from string import Template

from turnout.client import Client
from turnout.delivery.evidence import Stream
from turnout.error import ApiError, EvidenceFailed
from turnout.evidence import prometheus
from turnout.evidence.question import Query


def stream(client: Client, query: Query, host: str, subset: str, version: str) -> Stream | None:
    """What one version's counters say now; `version` is what metrics call the subset.

    None: they are not there yet. Raises EvidenceFailed.
    """
    words = {**named(host), "subset": subset, "version": version}
    # In this order: what is bad is among what is counted later.
    bad = _value(client, query.prometheus, Template(query.bad).safe_substitute(words))
    total = _value(client, query.prometheus, Template(query.total).safe_substitute(words))
    if total is None:
        return None
    return Stream(min(round(bad or 0.0), round(total)), round(total))


def named(host: str) -> dict[str, str]:
    """What a query may call a service."""
    service, _, rest = host.partition(".")
    return {"service": service, "namespace": rest.partition(".")[0]}


def _value(client: Client, server: str, promql: str) -> float | None:
    if server:
        return prometheus.value(server, promql)
    try:
        value: float = client.view("sum", query=promql)["value"]
    except ApiError as error:
        raise EvidenceFailed(error.message, error.hint) from error
    return value
