"""What a Prometheus says: its HTTP API, prometheus.io/docs/prometheus/latest/querying/api."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException
from math import inf
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from turnout.error import EvidenceFailed

TIMEOUT_SECONDS = 2.0
MOST_BYTES = 16 << 20
"""A few minutes of raw samples of some thousand series."""


def value(server: str, promql: str) -> float | None:
    """What has been counted; None of nothing. Raises EvidenceFailed when that is no count, or more than one."""
    return count(data(server, promql), promql)


def count(data: Mapping[str, Any], promql: str) -> float | None:
    """The one number in an answer; None of nothing. Raises EvidenceFailed as `value` does."""
    try:
        found = [data] if data["resultType"] == "scalar" else data["result"]
        values = [float(each["result"][1] if "result" in each else each["value"][1]) for each in found]
    except (LookupError, TypeError, ValueError) as error:
        raise EvidenceFailed(f"Prometheus answers {promql} in an unknown way", "is it a Prometheus?") from error
    if len(values) > 1:
        raise EvidenceFailed(f"{promql} gives {len(values)} series", "make one of them with sum(...)")
    if values and not 0 <= values[0] < inf:
        raise EvidenceFailed(f"{promql} gives {values[0]:g}, which is no count", "give counters, not their quotient")
    return values[0] if values else None


def data(
    server: str, promql: str, at: float | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Mapping[str, Any]:
    """What is answered to a query as of `at` (unix seconds; None: now): `resultType` and `result`. EvidenceFailed."""
    query = {"query": promql} | ({} if at is None else {"time": f"{at:.3f}"})
    answer = _asked(f"{server.rstrip('/')}/api/v1/query?{urlencode(query)}", promql, timeout_seconds)
    try:
        found: Mapping[str, Any] = answer["data"]
    except (LookupError, TypeError) as error:
        raise EvidenceFailed(f"{server} answers {promql} in an unknown way", "is it a Prometheus?") from error
    return found


def _asked(url: str, promql: str, timeout_seconds: float) -> Mapping[str, Any]:
    request = _request(url)
    try:
        with _opener(url).open(request, timeout=timeout_seconds) as response:
            answer: Mapping[str, Any] = json.loads(response.read(MOST_BYTES))
    except HTTPError as error:
        raise EvidenceFailed(f"Prometheus refuses {promql}: {_reason(error)}", "try it in Prometheus itself") from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        where = request.full_url.partition("/api/")[0]
        raise EvidenceFailed(f"cannot ask Prometheus at {where}: {error}") from error
    return answer


def _request(url: str) -> Request:
    """User and password, if they stand in the address, go where they belong; no message shows them."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.scheme not in ("http", "https"):  # urllib would also open files
        raise EvidenceFailed(f"{bare.partition('/api/')[0]} is no address of a Prometheus", "such as http://host:9090")
    words = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    shown = {"Authorization": "Basic " + b64encode(words.encode()).decode()} if parts.username else {}
    return Request(bare, headers=shown)  # noqa: S310 - its scheme is one of two


def _opener(url: str) -> OpenerDirector:
    """A proxy, which the environment may name, does not lead back to this machine."""
    here = urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
    return build_opener(ProxyHandler({})) if here else build_opener()


def _reason(error: HTTPError) -> str:
    """Prometheus says in the body what is wrong with a query."""
    try:
        with error:
            told: Mapping[str, Any] = json.loads(error.read(MOST_BYTES))
        return str(told["error"])
    except (OSError, ValueError, LookupError, TypeError):
        return str(error)
