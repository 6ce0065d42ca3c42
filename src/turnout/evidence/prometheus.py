"""Two counters of a Prometheus as evidence: its HTTP API, prometheus.io/docs/prometheus/latest/querying/api."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Template
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from turnout.delivery.evidence import Stream
from turnout.delivery.steering import Versions
from turnout.error import EvidenceFailed
from turnout.evidence.question import Query

TIMEOUT_SECONDS = 2.0
MOST_BYTES = 1 << 20


def stream(query: Query, versions: Versions, subset: str) -> Stream | None:
    """What one version's counters say now. None: one of them is not there yet. Raises EvidenceFailed."""
    # In this order: what is bad is among what is counted later.
    bad = value(query.prometheus, filled(query.bad, versions, subset))
    total = value(query.prometheus, filled(query.total, versions, subset))
    if total is None:
        return None
    return Stream(min(round(bad or 0.0), round(total)), round(total))


def filled(text: str, versions: Versions, subset: str) -> str:
    """With what stands for a version; another `$` stays."""
    service, _, rest = versions.host.partition(".")
    words = {"version": subset, "subset": subset, "service": service, "namespace": rest.partition(".")[0]}
    return Template(text).safe_substitute(words)


def value(server: str, promql: str) -> float | None:
    """One number; None of nothing. Raises EvidenceFailed when it is none, or more."""
    answer = _asked(f"{server.rstrip('/')}/api/v1/query?{urlencode({'query': promql})}", promql)
    try:
        data = answer["data"]
        found = [data] if data["resultType"] == "scalar" else data["result"]
        values = [float(each["result"][1] if "result" in each else each["value"][1]) for each in found]
    except (LookupError, TypeError, ValueError) as error:
        raise EvidenceFailed(f"{server} answers {promql} in an unknown way", "is it a Prometheus?") from error
    if len(values) > 1:
        raise EvidenceFailed(f"{promql} gives {len(values)} series", "make one of them with sum(...)")
    return values[0] if values else None


def _asked(url: str, promql: str) -> Mapping[str, Any]:
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - http or https: the resource's check
            answer: Mapping[str, Any] = json.loads(response.read(MOST_BYTES))
    except HTTPError as error:
        raise EvidenceFailed(f"Prometheus refuses {promql}: {_reason(error)}", "try it in Prometheus itself") from error
    except (URLError, OSError, ValueError) as error:
        raise EvidenceFailed(f"cannot ask Prometheus at {url.partition('/api/')[0]}: {error}") from error
    return answer


def _reason(error: HTTPError) -> str:
    """Prometheus says in the body what is wrong with a query."""
    try:
        told: Mapping[str, Any] = json.loads(error.read(MOST_BYTES))
        return str(told["error"])
    except (OSError, ValueError, LookupError, TypeError):
        return str(error)
