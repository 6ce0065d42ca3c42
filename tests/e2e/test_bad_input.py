"""Whatever is written wrong is told with its place and a hint, and nothing of it takes effect."""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
import pytest
from tests.e2e.manifests import deployment, document, service
from tests.e2e.mistakes import MISTAKES, ROUTE, SETTINGS, Mistake, live, make, only, right, solved
from tests.e2e.site import Site, Up, settings, until

pytestmark = [pytest.mark.e2e]

MOST_BYTES = 400 * 1024 * 1024
MOST_SECONDS = 20.0
"""Far above what is needed on an idle machine, far below what the files below would take without bounds."""

each_mistake = pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())


@each_mistake
def test_up_starts_nothing_when_it_finds(site: Site, mistake: Mistake) -> None:
    right(site)
    make(site, mistake)
    began = time.monotonic()
    up = site.start()
    most_bytes = until_ended(up)
    assert up.ended() == 1
    assert time.monotonic() - began < MOST_SECONDS
    assert most_bytes < MOST_BYTES
    assert up.err.startswith("error: nothing was started, because of what the files say:\n")
    assert up.out in ("", "stopped\n")
    line = next(line for line in up.err.splitlines() if mistake.where in line)
    assert line.startswith(mistake.where)
    assert ": error: " in line
    assert mistake.message in line
    assert mistake.hint in up.err
    assert "Traceback" not in up.err
    assert not (site.state / "kubeconfig").exists()
    site.assert_nothing_runs()
    assert site.run("status").status == 1


def until_ended(up: Up) -> int:
    """The most memory that it was seen to have."""
    most, process = 0, psutil.Process(up.pid)
    while up.process.poll() is None:
        try:
            most = max(most, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.01)
    return most


@each_mistake
def test_nothing_changes_while_a_file_has(running: Site, mistake: Mistake) -> None:
    before, pids = live(running), running.pids()
    began = time.monotonic()
    running.apply("more.yaml", service("more"))  # right by itself, but of the same save
    make(running, mistake)
    (found,) = running.until_status("it is shown", lambda status: about(status, mistake))
    assert time.monotonic() - began < MOST_SECONDS
    assert found["severity"] == "error"
    assert mistake.message in found["message"]
    assert mistake.hint in (found["hint"] or "")
    answer = running.get()
    assert (answer.status, answer.version) == (200, "v1")
    assert {name: live(running)[name] for name in before} == before
    assert running.pids() == pids
    memory = running.status()["memory"]["control"]
    assert memory < MOST_BYTES
    shown = running.run("status")
    assert shown.status == 1
    assert f"{found['where']}: error: " in shown.out
    right(running)
    running.until_status("all is well again", lambda status: not status["problems"] and live(running) == before)
    assert running.run("status").status == 0


def about(status: dict[str, Any], mistake: Mistake) -> list[dict[str, Any]]:
    return [problem for problem in status["problems"] if (problem["where"] or "").startswith(mistake.where)]


# --- what is right in itself, but leads nowhere: shown, and the rest serves


def test_a_subset_that_no_rule_has_is_shown_and_answers_503(running: Site) -> None:
    running.write("k8s/route.yaml", ROUTE.replace("subset: v1", "subset: v3"))
    problem = only(running, "IST0101")
    assert problem["where"] == "k8s/route.yaml:10:36"
    assert problem["message"] == 'Referenced host+subset in destinationrule not found: "app+v3"'
    assert problem["hint"] == "known subsets: v1, v2 (until then such requests get 503, flag NC)"
    until("it is served so", lambda: running.get().status == 503)
    hop = running.until_status(
        "the flag is counted", lambda s: next((h for h in s["hops"] if "NC" in h["flags"]), None)
    )
    assert set(hop["codes"]) == {"503"}
    solved(running)
    assert running.get().status == 200


def test_up_starts_with_a_subset_that_no_rule_has(site: Site) -> None:
    """The rule may come later."""
    rule = (site.folder / "k8s" / "rule.yaml").read_text()
    right(site)
    site.write("k8s/rule.yaml", "# later\n")
    site.up()
    assert {problem["where"] for problem in site.status()["problems"]} == {
        "k8s/route.yaml:10:36", "k8s/route.yaml:12:36"
    }  # fmt: skip
    assert site.get().status == 503
    site.write("k8s/rule.yaml", rule)
    site.until_status("it is solved", lambda status: not status["problems"])
    until("it is served", lambda: site.get().status == 200)


def test_a_service_that_selects_nothing_is_shown(running: Site) -> None:
    running.apply("more.yaml", service("more"))
    problem = only(running, "TNO303")
    assert problem["where"] == "k8s/more.yaml:9:5"
    assert "Service more selects nothing: no Deployment's pods are labelled app=more" in problem["message"]
    assert problem["severity"] == "warning"
    assert running.run("status").status == 0


def test_an_image_that_nothing_says_how_to_run_is_shown_and_the_rest_runs(running: Site) -> None:
    text = document(deployment("v9", app="other", image="nobody:latest"))
    running.write("k8s/more.yaml", text)
    problem = only(running, "TNO251")
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "nobody" in line)
    assert problem["where"] == f"k8s/more.yaml:{line}:13"
    assert problem["message"] == "nothing says how to run the image 'nobody:latest'"
    assert "add to turnout.yaml: images: {nobody: " in problem["hint"]
    assert running.get().status == 200


def test_a_command_that_is_not_found_is_shown_and_what_ran_goes_on(running: Site) -> None:
    pods = {pod["name"] for pod in running.pods()}
    running.write("turnout.yaml", SETTINGS.replace(sys.executable, "nosuchprogram"))
    found = running.until_status("both say so", lambda status: len(status["problems"]) == 2 and status["problems"])
    for problem, workload in zip(found, ("app-v1", "app-v2"), strict=True):
        assert (problem["code"], problem["where"]) == ("TNO254", "turnout.yaml:4:5")
        assert problem["message"].startswith(f"{workload} does not run: `nosuchprogram` was not found")
        assert "next start" not in problem["message"]
        assert problem["hint"] == f"see `turnout logs {workload}`"
    assert running.get().status == 200
    assert running.run("status").status == 1
    solved(running)
    running.until_status(
        "what ran still runs", lambda _: {pod["name"] for pod in running.pods() if pod["ready"]} == pods
    )


def test_a_build_that_fails_is_shown_when_up_starts(site: Site) -> None:
    site.write("turnout.yaml", settings(build="echo no compiler >&2; exit 4"))
    outcome = site.run(*site.up_arguments("-d"))
    assert "app-v1 does not run: build failed" in outcome.out
    problem = site.status()["problems"][0]
    assert problem["where"] == "turnout.yaml:5:7"
    assert "no compiler" in problem["message"]
    assert site.run("status").status == 1
