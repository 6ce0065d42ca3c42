"""The dark launch of the second article: users get v1's answers alone, and v2 gets a copy of each request."""

from __future__ import annotations

import json

import pytest
from tests.e2e.launch import URL, Launch, copy_cluster, hops, mirror

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

REQUESTS = 1000
RATE = 125  # a stall of the machine of half a second fits into what may be under way to the candidate


def test_v1_answers_each_of_1000_requests_and_v2_gets_exactly_1000_copies(launch: Launch) -> None:
    loaded = launch.site.run("load", "-n", str(REQUESTS), "--rate", str(RATE), "--json", URL)
    assert loaded.status == 0, loaded.out
    report = json.loads(loaded.out)
    assert report["requests"]["successful"] == REQUESTS
    status = launch.site.until_status(
        "every copy has an answer", lambda status: status if mirror(status)["sent"] == REQUESTS else None
    )
    assert launch.count("recommendation-v1") == {"version": "v1", "requests": REQUESTS, "mirrored": 0}
    assert launch.count("recommendation-v2") == {"version": "v2", "requests": REQUESTS, "mirrored": REQUESTS}
    every = {"wanted": REQUESTS, "sent": REQUESTS, "dropped": 0, "unreached": 0, "failed": 0}
    assert every.items() <= mirror(status).items()
    found = hops(status)
    assert set(found) == {
        ("istio-ingressgateway", "customer-v1"),
        ("customer-v1", "preference-v1"),
        ("preference-v1", "recommendation-v1"),
        ("", "recommendation-v2"),
    }
    for (source, workload), hop in found.items():
        assert (hop["requests"], hop["errors"], hop["codes"]) == (REQUESTS, 0, {"200": REQUESTS}), (source, workload)
        assert hop["mirrored"] is (workload == "recommendation-v2")
    assert [row["version"] for row in report["versions"]] == ["customer-v1"]
    for name, counters in status["clusters"].items():
        idle = name.startswith("outbound") and name.endswith("recommendation.default.svc.cluster.local")
        idle = idle and "version-v1" not in name
        assert counters["upstream_rq_total"] == (0 if idle else REQUESTS), name
        assert counters["upstream_rq_retry"] == 0
    assert copy_cluster(status, "copy")["upstream_rq_total"] == REQUESTS


def test_users_see_v1s_answer_through_all_three_services(launch: Launch) -> None:
    answers = [launch.site.get(host="customer.test") for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        assert answer.body.startswith("customer => preference => recommendation v1 from recommendation-v1-"), answer


def test_status_shows_the_versions_with_what_they_got(launch: Launch) -> None:
    shown = launch.site.run("status")
    assert shown.status == 0, shown.out
    lines = {tuple(line.split()[:2]): line.split() for line in shown.out.splitlines() if "version-v" in line}
    requests, copies = lines["recommendation", "version-v1"][-2:]
    assert (int(requests) >= REQUESTS, copies) == (True, "0")
    (candidate,) = [line for line in lines.values() if line[0] == "version-v2"]
    assert (candidate[-2], int(candidate[-1]) >= REQUESTS) == ("0", True)
