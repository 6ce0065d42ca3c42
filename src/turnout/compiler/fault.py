"""Injected delays and aborts, per route."""

from __future__ import annotations

from datetime import timedelta

from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay
from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault
from envoy.type.v3.percent_pb2 import FractionalPercent

from turnout.compiler.values import duration, millionths
from turnout.resources.virtual_service import Abort, Delay, HTTPFaultInjection, Percent

FILTER = "envoy.filters.http.fault"
_GRPC_STATUS = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def http_fault(fault: HTTPFaultInjection) -> HTTPFault | None:
    """None where nothing that Envoy can inject is left: a delay without a fixed time, an abort without a status."""
    built = HTTPFault()
    if fault.delay and fault.delay.fixed_delay:
        built.delay.CopyFrom(_delay(fault.delay, fault.delay.fixed_delay))
    if fault.abort and (fault.abort.http_status or fault.abort.grpc_status):
        built.abort.CopyFrom(_abort(fault.abort))
    return built if built.HasField("delay") or built.HasField("abort") else None


def _delay(delay: Delay, fixed: timedelta) -> FaultDelay:
    return FaultDelay(percentage=_share(delay.percentage, delay.percent), fixed_delay=duration(fixed))


def _abort(abort: Abort) -> FaultAbort:
    built = FaultAbort(percentage=_share(abort.percentage, 0))
    if abort.grpc_status:
        built.grpc_status = _GRPC_STATUS.index(abort.grpc_status)
    else:
        built.http_status = abort.http_status or 0
    return built


def _share(percentage: Percent | None, percent: int) -> FractionalPercent:
    """Unset is 0 %: nobody is hit by a fault that does not say how many."""
    return millionths(percentage.value if percentage else percent)
