"""Which pods that are not ready are a problem, for how long, and in which words."""

from __future__ import annotations

from turnout.control.failures import Failures
from turnout.problem import Place
from turnout.workloads.status import PodStatus

PLACE = Place("turnout.yaml", 4, 5)
WHERE = {("default", "app"): PLACE}


def pod(phase: str = "crash-loop", *, name: str = "app-1", **more: object) -> PodStatus:
    return PodStatus(name, "default", "app", phase=phase, **more)  # type: ignore[arg-type] # what a test needs


def told(failures: Failures) -> list[str]:
    return [problem.message for problem in failures.problems(WHERE)]


def test_one_that_keeps_ending_is_told_in_words_that_stay_the_same() -> None:
    failures = Failures()
    for restarts in (1, 2, 3):
        message = f"exited with status 1 after 0.{restarts} s: no database; next start in {2**restarts} s"
        failures.look([pod(restarts=restarts, message=message)])
        assert told(failures) == ["app does not run: exited with status 1: no database"]
    (problem,) = failures.problems(WHERE)
    assert (problem.code, problem.where) == ("TNO254", PLACE)


def test_one_that_ended_once_is_no_problem() -> None:
    failures = Failures()
    failures.look([pod(restarts=0, message="killed by SIGKILL after 5.0 s")])
    assert told(failures) == []


def test_it_stays_a_problem_while_it_is_tried_again_and_until_it_is_ready() -> None:
    failures = Failures()
    failures.look([pod(restarts=1, message="exited with status 1")])
    failures.look([pod("starting", restarts=2)])
    assert told(failures)
    failures.look([pod("running", restarts=2, ready=True)])
    assert told(failures) == []


def test_what_is_gone_or_going_is_no_problem() -> None:
    failures = Failures()
    failures.look([pod("failed", message="build failed")])
    failures.look([pod("failed", message="build failed", draining=True)])
    assert told(failures) == []


def test_pods_of_one_workload_that_fail_alike_are_told_once() -> None:
    failures = Failures()
    failures.look([pod("failed", name=name, message="build failed") for name in ("app-1", "app-2")])
    assert told(failures) == ["app does not run: build failed"]


def test_a_workload_that_has_said_already_why_it_cannot_run_is_not_told_again() -> None:
    failures = Failures()
    failures.look([pod("failed", message="nothing says how to run it")])
    assert list(failures.problems({})) == []
