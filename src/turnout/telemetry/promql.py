"""PromQL, as far as the dashboards need it."""

from __future__ import annotations

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_milliseconds"
REQUEST_SIZE = "istio_request_bytes"
RESPONSE_SIZE = "istio_response_bytes"
COPIES = "turnout_mirrored_requests_total"
COPY_DURATION = "turnout_mirrored_request_duration_milliseconds"
COPY_RESPONSE_SIZE = "turnout_mirrored_response_bytes"
COPIES_NOT_BEGUN = "turnout_mirrored_overflow_total"
RETRIES = "turnout_upstream_retries_total"

FAILED = 'response_code=~"5..|0"'
"""0: no answer at all."""
WELL = 'response_code!~"5..|0"'


def rate(metric: str, *selectors: str, by: str = "") -> str:
    """Per second, summed up by labels. `$__rate_interval`: Grafana's, long enough for the interval of scrapes."""
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({metric}{{{', '.join(selectors)}}}[$__rate_interval]))"


def or_zero(expr: str) -> str:
    """Nothing counted is none, not unknown."""
    return f"{expr} or vector(0)"


def success(metric: str, *selectors: str, by: str = "") -> str:
    """The share of requests that went well.

    Where none did there is no such series: the whole, times 0, stands in for it.
    """
    whole = rate(metric, *selectors, by=by)
    return f"({rate(metric, *selectors, WELL, by=by)} or 0 * {whole}) / {whole}"


def share(metric: str, *selectors: str, by: str) -> str:
    """Each one's part of all requests."""
    return f"{rate(metric, *selectors, by=by)} / scalar({rate(metric, *selectors)})"


def quantile(of: float, metric: str, *selectors: str, by: str = "") -> str:
    """Interpolated within Istio's buckets."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, {rate(f'{metric}_bucket', *selectors, by=labels)})"
