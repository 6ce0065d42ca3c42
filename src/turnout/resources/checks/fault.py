"""Faults that a route injects: delays and aborts."""

from __future__ import annotations

from turnout.resources.checks.value import check_duration
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.spelling import closest, shown
from turnout.resources.virtual_service import Abort, Delay, HTTPFaultInjection, Percent

GRPC_STATUSES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
)


def check_fault(fault: HTTPFaultInjection, at: Path, findings: Findings) -> None:
    if fault.delay is None and fault.abort is None:
        findings.add("TNO123", at, "the fault has neither `delay` nor `abort`")
    if fault.delay is not None:
        _check_delay(fault.delay, (*at, "delay"), findings)
    if fault.abort is not None:
        _check_abort(fault.abort, (*at, "abort"), findings)


def check_status(status: int, at: Path, findings: Findings) -> None:
    """A status that Envoy can answer with. Istio lets 600 pass, and Envoy then refuses the whole configuration."""
    if not 200 <= status <= 599:
        findings.add("TNO121", at, f"HTTP status {status} is not in the range 200 to 599")


def _check_delay(delay: Delay, at: Path, findings: Findings) -> None:
    _check_share(delay.percentage, at, findings)
    check_duration(delay.fixed_delay, (*at, "fixedDelay"), findings)
    if delay.exponential_delay is not None:
        findings.add("TNO123", (*at, "exponentialDelay"), "exponentialDelay is not supported", "use fixedDelay")
    if delay.percent:
        findings.add("TNO131", (*at, "percent"), "percent is deprecated", "use `percentage: {value: …}`")


def _check_abort(abort: Abort, at: Path, findings: Findings) -> None:
    _check_share(abort.percentage, at, findings)
    if abort.http_status is not None:
        check_status(abort.http_status, (*at, "httpStatus"), findings)
    elif abort.grpc_status is not None:
        _check_grpc_status(abort.grpc_status, (*at, "grpcStatus"), findings)
    elif abort.http2_error is not None:
        findings.add("TNO123", (*at, "http2Error"), "http2Error is not supported", "use httpStatus or grpcStatus")
    else:
        findings.add("TNO134", at, "the abort has no status", "set httpStatus or grpcStatus")


def _check_grpc_status(status: str, at: Path, findings: Findings) -> None:
    if status not in GRPC_STATUSES:
        near = closest(status, GRPC_STATUSES)
        findings.add("TNO123", at, f"{shown(status)} is no gRPC status", f"did you mean {near}?" if near else None)


def _check_share(percentage: Percent | None, at: Path, findings: Findings) -> None:
    """Envoy counts in millionths: what is below one of them would silently be nothing."""
    value = percentage.value if percentage is not None else 0.0
    if value != 0 and not 0.0001 <= value <= 100:
        message = f"{shown(value)} percent is neither 0 nor in the range 0.0001 to 100"
        findings.add("TNO107", (*at, "percentage", "value"), message)
