"""What `load` saw, what `status` shows and what Envoy counted are the same, hop by hop and version by version."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from typing import Any

import pytest
from tests.e2e.manifests import HOST, deployment, destination_rule, split, virtual_service
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e]

SERVICE_HOST = "app.default.svc.cluster.local"
TO_V2 = {"mirror": {"host": "app", "subset": "v2"}, "mirrorPercentage": {"value": 100}}


def load(site: Site, path: str = "/", **options: int) -> dict[str, Any]:
    """`turnout load --json`, which is to succeed."""
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    outcome = site.run("load", *arguments, "--json", f"http://{HOST}{path}")
    assert outcome.status == 0, outcome.out
    return dict(json.loads(outcome.out))


def envoy_counters(site: Site, subset: str, kind: str = "outbound") -> dict[str, int]:
    """Of one cluster, from Envoy's admin socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as admin:
        admin.connect(str(site.state / "run" / "admin.sock"))
        admin.sendall(b"GET /stats?type=Counters&filter=^cluster HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: admin.recv(1 << 16), b"")).decode()
    prefix = re.escape(f"cluster.{kind}|80|{subset}|{SERVICE_HOST}.")
    return {name: int(value) for name, value in re.findall(rf"{prefix}(\w+): (\d+)", answer)}


def by_subset(status: dict[str, Any], *, mirrored: bool = False) -> dict[str, dict[str, Any]]:
    """The gateway's hops; copies' caller is not known."""
    found = [hop for hop in status["hops"] if hop["mirrored"] is mirrored]
    assert len({hop["subset"] for hop in found}) == len(found)
    return {hop["subset"]: hop for hop in found}


def versions(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (service,) = status["services"]
    return {version["subset"]: version for version in service["versions"]}


def test_load_status_and_envoy_agree_on_each_version_and_count_copies_apart(site: Site) -> None:
    site.apply("route.yaml", virtual_service(split({"v1": 70, "v2": 30}) | TO_V2))
    site.up()
    report = load(site, requests=400, rate=200)
    loaded = {row["version"]: row["requests"] for row in report["versions"]}
    assert sum(loaded.values()) == 400
    assert set(loaded) == {"v1", "v2"}

    status = site.until_status("all copies have ended", lambda s: s if s["mirrors"][0]["sent"] == 400 else None)
    real, copies = by_subset(status), by_subset(status, mirrored=True)
    assert {subset: hop["requests"] for subset, hop in real.items()} == loaded
    assert {subset: hop["requests"] for subset, hop in copies.items()} == {"v2": 400}
    shown = versions(status)
    for subset, requests in loaded.items():
        assert real[subset]["codes"] == {"200": requests}
        assert (shown[subset]["requests"], shown[subset]["errors"]) == (requests, 0)
        own = envoy_counters(site, subset)
        assert own["upstream_rq_total"] == requests
        name = f"outbound|80|{subset}|{SERVICE_HOST}"
        assert {key: own[key] for key in status["clusters"][name]} == status["clusters"][name]
    assert (shown["v1"]["copies"], shown["v2"]["copies"]) == (0, 400)
    for kind in ("mirror", "copy"):
        assert envoy_counters(site, "v2", kind)["upstream_rq_total"] == 400


def test_errors_are_counted_by_code_where_they_came_from(site: Site) -> None:
    site.apply("route.yaml", virtual_service(split({"v1": 50, "v2": 50}) | {"retries": {"attempts": 0}}))
    site.up()
    outcome = site.run("load", "-n", "100", "-c", "4", "--json", f"http://{HOST}/status/500")
    assert outcome.status == 1
    report = json.loads(outcome.out)
    loaded = {row["version"]: row["codes"] for row in report["versions"]}
    status = site.status()
    assert {subset: hop["codes"] for subset, hop in by_subset(status).items()} == loaded
    assert {subset: hop["errors"] for subset, hop in by_subset(status).items()} == {
        row["version"]: row["failed"] for row in report["versions"]
    }
    assert sum(version["errors"] for version in versions(status).values()) == report["requests"]["failed"] == 100


def test_a_retry_is_no_request(site: Site) -> None:
    """Each request fails at first and succeeds when it is made again: the user saw one, the service two."""
    retried = {"name": "flaky", "match": [{"uri": {"prefix": "/flaky"}}], "retries": {"attempts": 3, "retryOn": "5xx"}}
    site.apply("route.yaml", virtual_service(split({"v1": 100}) | retried))
    site.up()
    report = load(site, "/flaky", requests=50, clients=1)
    assert (report["requests"]["successful"], report["requests"]["retried"]) == (50, 0)
    status = site.status()
    hop = by_subset(status)["v1"]
    assert (hop["requests"], hop["codes"]) == (50, {"200": 50})
    shown = versions(status)["v1"]
    assert (shown["requests"], shown["errors"], shown["retries"]) == (50, 0, 50)
    own = envoy_counters(site, "v1")
    assert (own["upstream_rq_total"], own["upstream_rq_retry"], own["upstream_rq_retry_success"]) == (100, 50, 50)
    assert "RETRIES" in site.run("status").out


def test_connections_that_fail_are_made_again_elsewhere_and_counted_apart(site: Site) -> None:
    """One of two endpoints refuses connections: users do not notice, and the retries are there to see.

    In turns, because the fewest requests, Istio's default, are always with the one that refuses: a retry may meet it
    again, and again.
    """
    in_turns = {"simple": "ROUND_ROBIN"}
    site.apply("rule.yaml", destination_rule({"v1": "v1", "v2": "v2"}, loadBalancer=in_turns))
    images = json.loads((site.folder / "turnout.yaml").read_text())["images"]
    patient = {"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 1000}
    site.apply("v2.yaml", deployment("v2", image="gone:latest", readinessProbe=patient))
    site.apply("route.yaml", virtual_service({"route": [{"destination": {"host": "app"}}]}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        site.write("turnout.yaml", json.dumps({"images": {**images, "gone": {"attach": address}}}))
        site.up()
    report = load(site, requests=100, clients=2)
    assert [(row["version"], row["requests"]) for row in report["versions"]] == [("v1", 100)]
    status = site.status()
    (service,) = status["services"]
    own = envoy_counters(site, "")
    assert own["upstream_rq_total"] == 100
    assert service["retries"] == own["upstream_rq_retry"] == own["upstream_cx_connect_fail"] > 0
    assert by_subset(status)["v1"]["requests"] == 100
    assert sum(version["requests"] for version in versions(status).values()) == 100


def test_a_mirror_that_is_switched_off_changes_no_other_count(site: Site) -> None:
    site.apply("route.yaml", virtual_service(split({"v1": 100}) | TO_V2))
    site.up()
    load(site, requests=50, clients=2)
    site.until_status("all copies have ended", lambda status: status["mirrors"][0]["sent"] == 50)
    assert site.run("mirror", "app", "--off").status == 0
    load(site, requests=30, clients=2)
    shown = versions(site.status())
    assert (shown["v1"]["requests"], shown["v1"]["copies"]) == (80, 0)
    assert (shown["v2"]["requests"], shown["v2"]["copies"]) == (0, 50)
    (mirror,) = site.status()["mirrors"]
    assert (mirror["on"], mirror["wanted"], mirror["sent"]) == (False, 50, 50)


def test_counts_go_on_when_envoy_is_killed(site: Site) -> None:
    """Up to the last look at them, once a second or whenever somebody asks."""
    site.up()
    load(site, requests=40, clients=2)
    assert versions(site.status())["v1"]["requests"] == 40
    old = site.pids()["envoy"]
    os.kill(old, signal.SIGKILL)
    until("another Envoy serves", lambda: site.pids()["envoy"] != old and site.get().status == 200)
    requests = versions(site.status())["v1"]["requests"]
    load(site, requests=20, clients=2)
    assert requests >= 41
    assert versions(site.status())["v1"]["requests"] == requests + 20


def test_requests_that_nobody_could_take_count_for_the_version_they_were_meant_for(site: Site) -> None:
    site.apply("v2.yaml", deployment("v2", replicas=0))
    site.apply("route.yaml", virtual_service(split({"v2": 100}) | {"retries": {"attempts": 0}}))
    site.up()
    for _ in range(5):
        assert site.get().status == 503
    status = site.status()
    hop = by_subset(status)["v2"]
    assert (hop["workload"], hop["requests"], hop["errors"]) == ("", 5, 5)
    assert (hop["codes"], hop["flags"]) == ({"503": 5}, {"UH": 5})
    assert (versions(status)["v2"]["requests"], versions(status)["v2"]["errors"]) == (5, 5)


def test_a_version_counts_under_the_name_of_its_subset_from_when_that_is_changed_on(site: Site) -> None:
    """The endpoint stays, and so do its connections: what changes is only what it is called."""
    site.apply("route.yaml", virtual_service({"route": [{"destination": {"host": "app"}}]}))
    site.apply("rule.yaml", destination_rule({"old": "v1"}))
    site.apply("v2.yaml", deployment("v2", replicas=0))
    site.up()
    load(site, requests=10, clients=1)
    site.apply("rule.yaml", destination_rule({"new": "v1"}))
    until("Envoy has the new name", lambda: site.get().status == 200 and "new" in by_subset(site.status()))
    found = {subset: hop["requests"] for subset, hop in by_subset(site.status()).items()}
    load(site, requests=10, clients=1)
    assert {subset: hop["requests"] for subset, hop in by_subset(site.status()).items()} == {
        "old": found["old"],
        "new": found["new"] + 10,
    }
