"""`turnout logs --access`: each request as Envoy saw it, and an Envoy that tells of none when nobody looks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.launch import Launch
from tests.e2e.manifests import deployment, split, virtual_service
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e]

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Follower:
    """A `turnout logs --access -f` that runs."""

    process: subprocess.Popen[bytes]
    out: Path

    def lines(self, wanted: Callable[[Line], bool] = lambda _: True) -> list[Line]:
        """All whole lines so far."""
        text = self.out.read_text().rpartition("\n")[0]
        return [line for line in map(json.loads, text.splitlines()) if wanted(line)]

    def until(self, number: int) -> list[Line]:
        """Its lines, once there are so many."""
        return until(f"{number} requests", lambda: self.lines() if len(self.lines()) >= number else None)

    def leave(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)
        self.process.wait(timeout=10)


@contextmanager
def following(site: Site, *arguments: str) -> Iterator[Follower]:
    """Until it is on."""
    out = site.folder / "tmp" / f"access-{len(list((site.folder / 'tmp').iterdir()))}.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnout", "logs", "--access", "-f", *arguments],
            cwd=site.folder,
            env=site.environment,
            stdout=output,
        )
    try:
        until("Envoy tells of requests", lambda: switch(site) == "100")
        yield Follower(process, out)
    finally:
        process.kill()
        process.wait()


def switch(site: Site) -> str:
    """What Envoy's runtime says: how many of a hundred requests it tells of."""
    connection = http.client.HTTPConnection("envoy")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.sock.connect(str(site.state / "run" / "admin.sock"))
        connection.request("GET", "/runtime")
        entries = json.loads(connection.getresponse().read())["entries"]
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
    return str(entries.get("turnout.access_log", {}).get("final_value", "unset"))


def until_off(site: Site) -> None:
    until("Envoy tells of no request", lambda: switch(site) == "0", 5)


def hop(line: Line) -> tuple[str, str, int, bool]:
    return line["source"], line["workload"], line["status"], line["mirrored"]


def is_of(path: str) -> Callable[[Line], bool]:
    return lambda line: bool(line["path"] == path)


def test_each_call_that_a_request_causes_is_a_line_and_so_is_its_copy(launch: Launch) -> None:
    with following(launch.site) as follower:
        assert launch.site.get(host="customer.test").status == 200
        lines = sorted(follower.until(4), key=hop)
        assert [*map(hop, lines)] == [
            ("", "recommendation-v2", 200, True),
            ("customer-v1", "preference-v1", 200, False),
            ("istio-ingressgateway", "customer-v1", 200, False),
            ("preference-v1", "recommendation-v1", 200, False),
        ]
    copy, _, outer, _ = lines
    assert (copy["version"], copy["subset"]) == ("v2", "version-v2")
    assert copy["service"].startswith("recommendation.")
    assert (outer["method"], outer["authority"], outer["path"], outer["flags"]) == ("GET", "customer.test", "/", "")
    assert outer["request_id"]
    assert min(outer["duration_ms"], outer["request_bytes"], outer["response_bytes"]) > 0


def test_a_name_stands_for_the_caller_who_answered_and_the_service(launch: Launch) -> None:
    for name, expected in {
        "preference-v1": [("customer-v1", "preference-v1"), ("preference-v1", "recommendation-v1")],
        "recommendation-v2": [("", "recommendation-v2")],
        "recommendation": [("", "recommendation-v2"), ("preference-v1", "recommendation-v1")],
    }.items():
        with following(launch.site, name) as follower:
            assert launch.site.get(host="customer.test").status == 200
            lines = follower.until(len(expected))
            assert sorted((line["source"], line["workload"]) for line in lines) == expected
        until_off(launch.site)


def test_a_request_that_nobody_could_answer_says_why_in_words(site: Site) -> None:
    site.apply("v2.yaml", deployment("v2", replicas=0))
    to_v2 = {**split({"v2": 100}, name="nobody", path="/v2"), "retries": {"attempts": 0}}
    site.apply("route.yaml", virtual_service(to_v2, split({"v1": 100})))
    site.up()
    with following(site, "app", "--status", "5xx") as follower:
        assert site.get("/").status == 200
        assert site.get("/v2").status == 503
        (line,) = follower.until(1)
    assert (line["status"], line["flags"], line["route"], line["subset"]) == (503, "UH", "nobody", "v2")
    assert line["flags_in_words"] == "No pod of the destination was ready to answer."
    assert (line["workload"], line["service"]) == ("", "app.default.svc.cluster.local")


def test_envoy_tells_of_requests_until_the_last_one_has_left(running: Site) -> None:
    with following(running) as one, following(running) as other:
        until("both follow", lambda: running.get("/").status == 200 and one.lines() and other.lines())
        assert running.get("/both").status == 200
        both = until("both are told", lambda: one.lines(is_of("/both")) and other.lines(is_of("/both")))
        assert one.lines(is_of("/both")) == both
        one.leave()
        assert running.get("/again").status == 200
        until("the other is still told", lambda: other.lines(is_of("/again")))
        assert not one.lines(is_of("/again"))
        other.leave(signal.SIGKILL)
        until_off(running)


def test_it_goes_on_with_another_envoy(running: Site) -> None:
    with following(running) as follower:
        old = running.pids()["envoy"]
        os.kill(old, signal.SIGKILL)
        until("another Envoy serves", lambda: running.pids()["envoy"] != old and running.get().status == 200)
        until("its requests are told", lambda: running.get("/new").status == 200 and follower.lines(is_of("/new")))
    until_off(running)


def test_what_a_killed_turnout_left_on_the_next_one_switches_off(site: Site) -> None:
    first = site.up()
    envoy = site.pids()["envoy"]
    with following(site) as follower:
        first.kill()
        assert follower.process.wait(timeout=10) == 1
        assert site.get().status == 200
        assert switch(site) == "100"
    site.up()
    assert site.pids()["envoy"] == envoy
    until_off(site)


def test_it_ends_after_so_many_requests_or_seconds(running: Site) -> None:
    nothing = running.run("logs", "--access", "--seconds", "0.3")
    assert (nothing.status, nothing.out) == (0, "")
    assert nothing.err == "no such request passed within 0.3 s\n"
    with following(running, "--lines", "2") as follower:
        for _ in range(3):
            assert running.get().status == 200
        assert follower.process.wait(timeout=10) == 0
        assert len(follower.lines()) == 2
    until_off(running)


def test_a_name_that_nobody_has_is_told(running: Site) -> None:
    outcome = running.run("logs", "--access", "ap")
    assert outcome.status == 1
    assert "no workload or service is called ap" in outcome.err
    assert "app-v1" in outcome.err


def test_where_a_request_will_go_is_known_before_it_is_sent(running: Site) -> None:
    told = running.run("explain", "GET", f"http://app.test:{running.port}/", "--json")
    assert told.status == 0, told
    answer = json.loads(told.out)
    (likely,) = [each for each in answer["destinations"] if each["percent"] == 100]
    assert answer["rule"]["where"].startswith("k8s/route.yaml:")
    assert running.get().version == likely["subset"]
    assert {each["workload"] for each in likely["endpoints"]} == {f"app-{likely['subset']}"}
    assert all(each["address"].startswith("127.0.0.1:") for each in likely["endpoints"])

    unknown = running.run("explain", "GET", "http://app/", "--from", "nobody")
    assert (unknown.status, "no workload is called default/nobody" in unknown.err) == (1, True)
