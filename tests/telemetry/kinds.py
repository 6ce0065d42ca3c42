"""Series to count, and what they did."""

from __future__ import annotations

from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window_row import BUCKETS


def answered(workload: str, code: str = "200") -> Series:
    return Series(
        source_workload="istio-ingressgateway",
        source_workload_namespace="istio-system",
        upstream_cluster=f"outbound|80|v1|{workload}.default.svc.cluster.local",
        destination_workload=workload,
        destination_workload_namespace="default",
        route=f"default/{workload}/http[0]",
        response_code=code,
    )


A, B = answered("a"), answered("b")
KINDS = (A, B, answered("a", "503"))


def done(requests: int) -> Traffic:
    """So many requests, a few milliseconds each."""
    durations = {BUCKETS[280 + requests % 40]: requests // 2, BUCKETS[330]: requests - requests // 2}
    return Traffic(
        requests=requests,
        errors=requests // 5,
        durations={bucket: count for bucket, count in durations.items() if count},
        request_bytes=requests * 300,
        response_bytes=requests * 1700,
    )
