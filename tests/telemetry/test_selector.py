from __future__ import annotations

import pytest

from turnout.error import EvidenceFailed
from turnout.telemetry.selector import parsed
from turnout.telemetry.series import Series


def series(version: str, code: str, *, mirrored: bool = False) -> Series:
    return Series(
        source_workload="gateway",
        upstream_cluster="outbound|80|v1|app.default.svc.cluster.local",
        destination_workload=f"app-{version}",
        destination_canonical_revision=version,
        response_code=code,
        mirrored=mirrored,
    )


COUNTED = {
    series("v1", "200"): 100,
    series("v1", "404"): 3,
    series("v2", "200"): 10,
    series("v2", "429"): 2,
    series("v2", "503"): 1,
    series("v2", "200", mirrored=True): 1000,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("istio_requests_total", 116),
        ("sum(istio_requests_total{})", 116),
        ('sum(istio_requests_total{destination_version="v2"})', 13),
        ('sum( istio_requests_total{ destination_version = "v2" , response_code=~"4..|5.." } )', 3),
        ('istio_requests_total{destination_version!="v2",response_code!~"2.."}', 3),
        ('istio_requests_total{response_code=~"4"}', 0),
        ('istio_requests_total{reporter="destination"}', 116),
        ('istio_requests_total{destination_service="app.default.svc.cluster.local"}', 116),
        ('istio_requests_total{destination_version="v3"}', 0),
        ('sum(turnout_mirrored_requests_total{destination_version="v2"})', 1000),
    ],
)
def test_a_counter_is_summed_over_what_its_matchers_let_through(text: str, value: int) -> None:
    assert parsed(text).value(COUNTED) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not the sum of a counter"),
        ("rate(istio_requests_total[1m])", "is not the sum of a counter"),
        ("requests_total", "there are istio_requests_total, turnout_mirrored_requests_total"),
        ("istio_requests_total{response_code=4}", "response_code=4 is no matcher"),
        ('istio_requests_total{response_code=~"("}', "( is no regular expression"),
    ],
)
def test_what_is_no_counter_is_said_to_be_none(text: str, why: str) -> None:
    with pytest.raises(EvidenceFailed) as raised:
        parsed(text)
    assert why in raised.value.message
    assert raised.value.hint
