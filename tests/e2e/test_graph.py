"""The service graph after known requests, the routes in words, and the commands that show them."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import signal
import subprocess
import sys
import uuid
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.e2e.launch import URL, Launch
from tests.e2e.manifests import HOST, deployment, document, split, virtual_service
from tests.e2e.numbers import NUMBERS
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e]

JSON = dict[str, Any]
GATEWAY = "istio-system/istio-ingressgateway"
APP = "service:app.default.svc.cluster.local"


def graph(site: Site, seconds: int = 60) -> JSON:
    with site.client() as client:
        return dict(client.view("graph", seconds=str(seconds)))


def edges(site: Site, seconds: int = 60) -> dict[tuple[str, str], JSON]:
    return {(edge["source"], edge["target"]): edge for edge in graph(site, seconds)["edges"]}


# --- the dark launch


def test_each_call_of_the_dark_launch_is_an_edge_with_its_count_and_copies_come_from_who_was_copied(
    launch: Launch,
) -> None:
    site = launch.site
    assert site.run("load", "-n", "300", "--rate", "150", URL).status == 0
    copied = ("default/preference-v1", "default/recommendation-v2")
    until("every copy has ended", lambda: edges(site).get(copied, {}).get("requests") == 300)
    found = edges(site)

    assert {ends: (edge["requests"], edge["mirrored"]) for ends, edge in found.items()} == {
        (GATEWAY, "default/customer-v1"): (300, False),
        ("default/customer-v1", "default/preference-v1"): (300, False),
        ("default/preference-v1", "default/recommendation-v1"): (300, False),
        copied: (300, True),
    }
    assert {ends: edge["fan_out"] for ends, edge in found.items()} == {
        ends: None if ends[0] == GATEWAY else 1.0 for ends in found
    }
    for edge in found.values():
        assert (edge["codes"], edge["error_share"]) == ({"200": 300}, 0.0)
        assert 0 < edge["p50_ms"] <= edge["p90_ms"] <= edge["p99_ms"]


def test_the_store_tells_the_same_as_the_memory(launch: Launch) -> None:
    assert launch.site.run("load", "-n", "20", "--rate", "50", URL).status == 0
    ends = (GATEWAY, "default/customer-v1")
    until(
        "both know the same",
        lambda: edges(launch.site)[ends]["requests"] == edges(launch.site, 120)[ends]["requests"] > 0,
    )


def test_all_workloads_are_nodes_with_their_service_version_and_pods(launch: Launch) -> None:
    nodes = {node["id"]: node for node in graph(launch.site)["nodes"]}

    assert nodes.keys() == {
        GATEWAY,
        *(f"default/{name}" for name in ("customer-v1", "preference-v1", "recommendation-v1", "recommendation-v2")),
    }
    v2 = nodes["default/recommendation-v2"]
    assert (v2["service"], v2["version"], v2["pods"], v2["ready"]) == ("recommendation", "v2", 1, 1)
    assert (v2["rate"], nodes[GATEWAY]["kind"]) == (0.0, "gateway")


def test_the_commands_show_it(launch: Launch) -> None:
    assert launch.site.run("load", "-n", "20", "--rate", "50", URL).status == 0
    tree = launch.site.run("graph")
    assert tree.status == 0
    assert re.search(r"istio-ingressgateway *\n└──▶ customer v1 .*\n +└──▶ preference v1 ", tree.out), tree.out
    assert "└╌╌▶ recommendation v2" in tree.out
    assert "-.->" in launch.site.run("graph", "--mermaid").out
    assert json.loads(launch.site.run("graph", "--json", "--window", "2m").out)["seconds"] == 120
    top = launch.site.run("top", "--sort", "rate")
    assert top.status == 0
    assert re.search(r"recommendation +version-v1 ", top.out), top.out


def test_top_ends_cleanly_on_ctrl_c(launch: Launch) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "turnout", "top"]
    environment = launch.site.environment | {"TERM": "xterm"}
    child = subprocess.Popen(
        command, cwd=launch.site.folder, env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    while shown.count(b"SERVICE") < 2:
        shown += os.read(leader, 1 << 16)
    child.send_signal(signal.SIGINT)

    assert child.wait(timeout=10) == 0
    assert b"Traceback" not in shown + os.read(leader, 1 << 16)
    os.close(leader)


def test_routes_are_told_in_words_with_their_line_also_after_a_rule_was_put_before_them(launch: Launch) -> None:
    site, path = launch.site, "k8s/dark-launch.yaml"
    line = (site.folder / path).read_text().splitlines().index("    - route:") + 1
    (route,) = recommendation(site)["routes"]
    assert route["words"] == ["every request"]
    assert route["then"] == "all to recommendation version-v1; each is copied to recommendation version-v2"
    assert route["where"] == f"{path}:{line}"

    assert site.run("mirror", "recommendation", "--to", "version-v2", "--methods", "GET,HEAD").status == 0
    try:
        added, kept = recommendation(site)["routes"]
        assert (added["words"], added["where"]) == (
            ["the method is GET", "the method is HEAD"],
            "default/recommendation",
        )
        assert (kept["then"], kept["where"]) == ("all to recommendation version-v1", f"{path}:{line}")
    finally:
        assert site.run("undo").status == 0


def recommendation(site: Site) -> JSON:
    with site.client() as client:
        (found,) = [owner for owner in client.view("routes") if owner["name"] == "recommendation"]
    return dict(found)


# --- random numbers


def test_fan_out_is_how_many_numbers_a_request_asks_for(numbers: Site) -> None:
    assert numbers.run("shift", NUMBERS, "green=50").status == 0
    asked = [json.loads(numbers.get(host=f"{NUMBERS}.test").body)["num_requests"] for _ in range(8)]
    blue, green = f"default/{NUMBERS}-blue", f"default/{NUMBERS}-green"
    until(
        "all calls are counted",
        lambda: sum(e["requests"] for (source, _), e in edges(numbers).items() if source == blue) == sum(asked),
    )
    found = edges(numbers)

    assert found.keys() == {(GATEWAY, blue), (blue, blue), (blue, green)}
    assert (found[GATEWAY, blue]["requests"], found[GATEWAY, blue]["fan_out"]) == (len(asked), None)
    assert found[blue, blue]["fan_out"] + found[blue, green]["fan_out"] == pytest.approx(sum(asked) / len(asked))
    for color, target in (("blue", blue), ("green", green)):
        (hop,) = [
            hop for hop in numbers.status()["hops"] if (hop["source"], hop["subset"]) == (f"{NUMBERS}-blue", color)
        ]
        assert hop["requests"] == found[blue, target]["requests"]
    assert f"{NUMBERS}-blue (itself)" in numbers.run("graph").out

    with numbers.client() as client:
        touched = client.view("blast", service=NUMBERS)
    assert (touched["user_requests"], touched["calls"]) == (8, 8 + sum(asked)), "the request itself is a call, too"
    assert touched["propagates"] is not True, "it passes no header on"
    route = virtual_service(split({"blue": 99, "green": 1}, app=NUMBERS), name="planned", host=NUMBERS)
    planned = numbers.write("planned/route.yaml", document(route))
    said = numbers.run("check", str(planned), "--measured").out
    mean = (8 + sum(asked)) / 8
    assert f"of users' requests: each makes {mean:.3g} calls [TNO313]" in said


# --- what a rollout would touch


def test_an_application_that_continues_traces_can_be_split_by_user_request(launch: Launch) -> None:
    site = launch.site
    for _ in range(25):
        traced = {"traceparent": f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"}
        assert site.get(host="customer.test", headers=traced).status == 200

    def told() -> JSON | None:
        with site.client() as client:
            found = dict(client.view("blast", service="recommendation", seconds=f"{60 + next(looks)}"))
        return found if found["traced"] >= 25 else None

    looks = count()
    found = until("Envoy has sent all spans", told)
    assert (found["propagates"], found["header"]) == (True, "traceparent")
    assert found["fan_out"]["distribution"] == {"1": found["traced"]}


def test_a_plan_is_rehearsed_on_what_was_recorded(launch: Launch) -> None:
    assert launch.site.run("load", "-n", "200", "--rate", "200", URL).status == 0
    plan = ("--to", "version-v2", "--steps", "50,100", "--min-time", "1s", "--max-time", "1m", "--guard", "errors:5")
    done = launch.site.run("rollout", "rehearse", "recommendation", *plan, "--runs", "10", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert found["requests"] >= 200
    assert [(result["fault"], result["runs"]) for result in found["results"]] == [("none", 10), ("errors", 10)]


# --- requests that nobody answers


def test_requests_that_nobody_answers_lead_to_the_service_or_to_nobody_known(site: Site) -> None:
    site.apply("v2.yaml", deployment("v2", replicas=0))
    site.apply(
        "route.yaml",
        virtual_service(
            {**split({"v2": 100}, path="/away", name="away"), "retries": {"attempts": 0}},
            {**split({"v3": 100}, path="/missing", name=""), "retries": {"attempts": 0}},
            {"match": [{"uri": {"prefix": "/gone"}}], "route": [{"destination": {"host": "gone"}}]},
            split({"v1": 100}),
        ),
    )
    site.up()
    proxy = urlsplit(site.get("/env/http_proxy").body)
    assert [site.get(path).status for path in ("/away", "/missing", "/missing", "/gone")] == [503] * 4
    assert site.get(host="else.test").status == 404
    connection = http.client.HTTPConnection(proxy.hostname or "", proxy.port)
    connection.request("GET", "http://nowhere.test/")
    assert connection.getresponse().status == 502
    connection.close()
    until("all are counted", lambda: sum(edge["requests"] for edge in graph(site)["edges"]) == 7)

    found = {
        (edge["source"], edge["target"], edge["subset"]): (edge["codes"], edge["flags"])
        for edge in graph(site)["edges"]
    }
    assert found == {
        (GATEWAY, "default/app-v1", "v1"): ({"200": 1}, {}),
        (GATEWAY, APP, "v2"): ({"503": 1}, {"UH": 1}),
        (GATEWAY, APP, "v3"): ({"503": 2}, {"NC": 2}),
        (GATEWAY, "service:gone.default.svc.cluster.local", ""): ({"503": 1}, {"NC": 1}),
        (GATEWAY, "unknown", ""): ({"404": 1}, {"NR": 1}),
        ("default/app-v1", "unknown", ""): ({"502": 1}, {}),
    }
    ends = {end for edge in graph(site)["edges"] for end in (edge["source"], edge["target"])}
    assert ends <= {node["id"] for node in graph(site)["nodes"]}
    assert "app v2: nobody answered" in site.run("graph").out
    assert HOST in [host for owner in routes(site) for host in owner["hosts"]]


def routes(site: Site) -> list[JSON]:
    with site.client() as client:
        return list(client.view("routes"))
