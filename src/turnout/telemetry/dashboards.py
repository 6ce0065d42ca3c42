"""The dashboards that `turnout export grafana` writes.

They ask for Istio's metrics, so they also show a mesh of Istio's own; only copies, retries and what is counted together
are Turnout's alone.
"""

from __future__ import annotations

from turnout.telemetry.grafana import (
    BYTES,
    COUNT,
    MILLISECONDS,
    REQUESTS_PER_SECOND,
    SHARE,
    Dashboard,
    Panel,
    Query,
    Row,
    Variable,
)
from turnout.telemetry.promql import (
    COPIES,
    COPIES_NOT_BEGUN,
    COPY_DURATION,
    COPY_RESPONSE_SIZE,
    DURATION,
    FAILED,
    REQUEST_SIZE,
    REQUESTS,
    RESPONSE_SIZE,
    RETRIES,
    or_zero,
    quantile,
    rate,
    share,
    success,
)

QUANTILES = (0.5, 0.9, 0.99)
WORKLOAD = "destination_workload"
SERVICE = Variable("service", 'label_values(istio_requests_total{reporter="source"}, destination_service)')


def all_dashboards() -> tuple[Dashboard, ...]:
    return mesh(), service(), workload(), rollout()


def mesh() -> Dashboard:
    source = 'reporter="source"'
    blocked = 'destination_service_name="BlackHoleCluster"'
    figures = (
        _figure("Requests", rate(REQUESTS, source), REQUESTS_PER_SECOND),
        _figure("Success rate", success(REQUESTS, source), SHARE, "Answered, and with no 5xx."),
        _figure("4xx", or_zero(rate(REQUESTS, source, 'response_code=~"4.."')), REQUESTS_PER_SECOND),
        _figure("5xx or no answer", or_zero(rate(REQUESTS, source, FAILED)), REQUESTS_PER_SECOND),
        _figure("Blocked", or_zero(rate(REQUESTS, source, blocked)), REQUESTS_PER_SECOND, "For hosts of no service."),
        _figure("Mirrored copies", or_zero(rate(COPIES)), REQUESTS_PER_SECOND),
    )
    by = "destination_service"
    services = (
        _chart("Requests by service", rate(REQUESTS, source, by=by), REQUESTS_PER_SECOND, by),
        _chart("99th percentile by service", quantile(0.99, DURATION, source, by=by), MILLISECONDS, by),
        _workloads(),
    )
    builds = _chart("Components", "sum by (component, tag) (istio_build)", COUNT, "component", "tag")
    folded = _figure(
        "Series counted together",
        "sum(turnout_series_folded)",
        COUNT,
        "Beyond 2,000 kinds of requests, further ones are called `other`.",
    )
    rows = (Row("Mesh", figures), Row("Services", services), Row("Turnout", (builds, folded)))
    return Dashboard("turnout-mesh", "Turnout: mesh", "All services at a glance.", (), rows)


def _workloads() -> Panel:
    by = "destination_workload_namespace, destination_workload, destination_service"
    answered = ('reporter="source"', 'destination_workload!="unknown"')
    columns = (
        Query(rate(REQUESTS, *answered, by=by), "Requests", REQUESTS_PER_SECOND),
        *(Query(quantile(of, DURATION, *answered, by=by), _percentile(of), MILLISECONDS) for of in QUANTILES),
        Query(success(REQUESTS, *answered, by=by), "Success rate", SHARE),
    )
    return Panel("Workloads", columns, COUNT, kind="table", width=24)


def service() -> Dashboard:
    asked = ('reporter="$reporter"', 'destination_service="$service"')
    flagged = rate(REQUESTS, *asked, 'response_flags!="-"', by="response_code, response_flags")
    retries = rate(RETRIES, 'destination_service="$service"', by="destination_subset")
    figures = (
        _figure("Requests", rate(REQUESTS, *asked), REQUESTS_PER_SECOND),
        _figure("Success rate", success(REQUESTS, *asked), SHARE),
        _quantiles("Duration", DURATION, *asked),
        _chart("Requests that Envoy has a remark on", flagged, REQUESTS_PER_SECOND, "response_code", "response_flags"),
        _chart("Retries by subset", retries, REQUESTS_PER_SECOND, "destination_subset"),
    )
    rows = (
        Row("Service", figures),
        Row("By caller", _sides(asked, "source_workload")),
        Row("By version", (*_sides(asked, WORKLOAD), *_sizes(asked))),
    )
    variables = (SERVICE, Variable("reporter", listed=("source", "destination")))
    return Dashboard("turnout-service", "Turnout: service", "Who asks a service, and how it answers.", variables, rows)


def workload() -> Dashboard:
    named = '_workload_namespace="$namespace"', '_workload="$workload"'
    inbound = ('reporter="destination"', *(f"destination{label}" for label in named))
    outbound = ('reporter="source"', *(f"source{label}" for label in named))
    figures = (
        _figure("Requests in", rate(REQUESTS, *inbound), REQUESTS_PER_SECOND),
        _figure("Success rate", success(REQUESTS, *inbound), SHARE),
        _quantiles("Duration", DURATION, *inbound),
        _figure("Requests out", or_zero(rate(REQUESTS, *outbound)), REQUESTS_PER_SECOND),
    )
    rows = (
        Row("Workload", figures),
        Row("What it answers", (*_sides(inbound, "source_workload"), *_sizes(inbound))),
        Row("What it asks", _sides(outbound, "destination_service")),
    )
    of = 'istio_requests_total{reporter="destination"'
    variables = (
        Variable("namespace", f"label_values({of}}}, destination_workload_namespace)"),
        Variable(
            "workload", f'label_values({of}, destination_workload_namespace="$namespace"}}, destination_workload)'
        ),
    )
    return Dashboard("turnout-workload", "Turnout: workload", "What one workload answers and asks.", variables, rows)


def rollout() -> Dashboard:
    asked = ('reporter="source"', 'destination_service="$service"')
    copied = 'destination_service="$service"'
    errors = rate(REQUESTS, *asked, 'response_code=~"4..|5..|0"', by="destination_workload, response_code")
    retries = rate(RETRIES, copied, by="destination_subset")
    versions = (
        _chart("Share of requests", share(REQUESTS, *asked, by=WORKLOAD), SHARE, WORKLOAD),
        _chart("Requests", rate(REQUESTS, *asked, by=WORKLOAD), REQUESTS_PER_SECOND, WORKLOAD),
        _chart("Success rate", success(REQUESTS, *asked, by=WORKLOAD), SHARE, WORKLOAD),
        _chart("Errors", errors, REQUESTS_PER_SECOND, WORKLOAD, "response_code"),
        _chart("Median duration", quantile(0.5, DURATION, *asked, by=WORKLOAD), MILLISECONDS, WORKLOAD),
        _chart("99th percentile", quantile(0.99, DURATION, *asked, by=WORKLOAD), MILLISECONDS, WORKLOAD),
        _chart("Retries by subset", retries, REQUESTS_PER_SECOND, "destination_subset"),
    )
    copies = (
        _chart(
            "Copies",
            rate(COPIES, copied, by="destination_workload, response_code"),
            REQUESTS_PER_SECOND,
            WORKLOAD,
            "response_code",
        ),
        _chart("Success rate of copies", success(COPIES, copied, by=WORKLOAD), SHARE, WORKLOAD),
        _beside("Median duration", 0.5, (DURATION, *asked), (COPY_DURATION, copied), MILLISECONDS),
        _beside("99th percentile", 0.99, (DURATION, *asked), (COPY_DURATION, copied), MILLISECONDS),
        _beside("Median size of answers", 0.5, (RESPONSE_SIZE, *asked), (COPY_RESPONSE_SIZE, copied), BYTES),
        _chart(
            "Copies not begun, for want of room",
            rate(COPIES_NOT_BEGUN, copied, by="destination_subset"),
            REQUESTS_PER_SECOND,
            "destination_subset",
        ),
    )
    rows = (Row("Versions side by side", versions), Row("Mirrored copies beside what users got", copies))
    about = "The versions of one service side by side: what weights and mirrors make of them."
    return Dashboard("turnout-rollout", "Turnout: rollout", about, (SERVICE,), rows)


# --- panels


def _figure(title: str, expr: str, unit: str, description: str = "") -> Panel:
    return Panel(title, (Query(expr),), unit, "stat", description, width=4, height=4)


def _chart(title: str, expr: str, unit: str, *labels: str) -> Panel:
    return Panel(title, (Query(expr, " ".join(f"{{{{{label}}}}}" for label in labels)),), unit)


def _quantiles(title: str, metric: str, *selectors: str) -> Panel:
    queries = [Query(quantile(of, metric, *selectors), _percentile(of)) for of in QUANTILES]
    return Panel(title, queries, MILLISECONDS)


def _sides(asked: tuple[str, ...], by: str) -> tuple[Panel, ...]:
    """What the callers, or the versions, or the services asked have in common to show."""
    return (
        _chart("Requests", rate(REQUESTS, *asked, by=f"{by}, response_code"), REQUESTS_PER_SECOND, by, "response_code"),
        _chart("Success rate", success(REQUESTS, *asked, by=by), SHARE, by),
        _chart("Median duration", quantile(0.5, DURATION, *asked, by=by), MILLISECONDS, by),
        _chart("99th percentile", quantile(0.99, DURATION, *asked, by=by), MILLISECONDS, by),
    )


def _sizes(asked: tuple[str, ...]) -> tuple[Panel, ...]:
    """On the wire, with headers."""
    return (
        _chart("90th percentile of request sizes", quantile(0.9, REQUEST_SIZE, *asked, by=WORKLOAD), BYTES, WORKLOAD),
        _chart("90th percentile of answer sizes", quantile(0.9, RESPONSE_SIZE, *asked, by=WORKLOAD), BYTES, WORKLOAD),
    )


def _beside(title: str, of: float, answers: tuple[str, ...], copies: tuple[str, ...], unit: str) -> Panel:
    """What users got, and what the copies got."""
    queries = (
        Query(quantile(of, *answers, by=WORKLOAD), f"{{{{{WORKLOAD}}}}}"),
        Query(quantile(of, *copies, by=WORKLOAD), f"copies to {{{{{WORKLOAD}}}}}"),
    )
    return Panel(title, queries, unit)


def _percentile(of: float) -> str:
    return f"P{of * 100:.0f}"
