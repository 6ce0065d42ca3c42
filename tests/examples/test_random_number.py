"""The first article's application, phase by phase."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.examples.apps import Answer, App, Start, Upstream, build, checkout

PYTHON = "rewrite-app-with-istio"
GO = "rewrite-app-with-istio-v2"
QUICK = {"TEST_SLEEP_SECONDS": "0"}


def decoded(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


def get_until_numbers(app: App) -> Answer:
    """`/` asks for nothing at all once in 51 times; the next one will."""
    answers = (app.get("/") for _ in range(20))
    return next(answer for answer in answers if answer.status != 200 or json.loads(answer.body)["num_requests"])


def test_phase_1_answers_as_many_numbers_as_it_says(tmp_path: Path, start: Start) -> None:
    app = start(checkout(tmp_path / "work", "phase-1"), PYTHON, **QUICK)
    answer = decoded(get_until_numbers(app))
    assert answer["location"] == "/"
    assert answer["time"] >= 0
    assert 1 <= answer["num_requests"] == len(answer["responses"]) <= 50
    assert all(0 <= response["number"] <= 9999 for response in answer["responses"])


def test_phase_2_asks_for_each_number_through_its_proxy(tmp_path: Path, start: Start, upstream: Upstream) -> None:
    upstream.body = b'{"number": 7}'
    app = start(checkout(tmp_path / "work", "phase-1", "phase-2"), PYTHON, http_proxy=upstream.url, **QUICK)
    answer = decoded(get_until_numbers(app))
    assert answer["responses"] == [{"number": 7}] * answer["num_requests"]
    asked = {(path, headers["host"]) for path, headers in upstream.requests}
    assert asked == {("http://rewrite-app-with-istio/random/number", "rewrite-app-with-istio")}


def test_phase_2_gives_out_numbers_itself(tmp_path: Path, start: Start) -> None:
    app = start(checkout(tmp_path / "work", "phase-1", "phase-2"), PYTHON, **QUICK)
    answer = decoded(app.get("/random/number"))
    assert 0 <= answer.pop("number") <= 9999
    assert answer == {"location": "/random/number", "endpoint_version": "v1"}


def test_an_empty_500_from_one_number_fails_the_whole_request(tmp_path: Path, start: Start, upstream: Upstream) -> None:
    upstream.status, upstream.body = 500, b""
    app = start(checkout(tmp_path / "work", "phase-1", "phase-2"), PYTHON, http_proxy=upstream.url, **QUICK)
    assert get_until_numbers(app).status == 500
    assert len(upstream.requests) == 1


def test_the_go_service_has_a_bug_that_the_fix_removes(tmp_path: Path, start: Start) -> None:
    work = checkout(tmp_path / "work", "phase-1", "phase-2", "phase-3")
    build(work, GO)
    broken = start(work, GO).get("/random/number")
    assert (broken.status, broken.body) == (500, b"")

    build(checkout(work, "phase-3-fixed"), GO)
    answer = decoded(start(work, GO).get("/random/number"))
    assert 0 <= answer.pop("number") <= 9998
    assert answer == {"location": "/random/number", "endpoint_version": "v2"}


@pytest.mark.parametrize("phases", [("phase-1",), ("phase-1", "phase-2")], ids=["phase-1", "phase-2"])
def test_sigterm_ends_python_with_status_0(tmp_path: Path, start: Start, phases: tuple[str, ...]) -> None:
    app = start(checkout(tmp_path / "work", *phases), PYTHON)
    app.terminate()
    assert app.wait() == 0


def test_sigterm_ends_go_with_status_0(tmp_path: Path, start: Start) -> None:
    work = checkout(tmp_path / "work", "phase-1", "phase-2", "phase-3")
    build(work, GO)
    app = start(work, GO)
    app.terminate()
    assert app.wait() == 0


def test_a_running_request_is_answered_after_sigterm(tmp_path: Path, start: Start) -> None:
    app = start(checkout(tmp_path / "work", "phase-1", "phase-2"), PYTHON, TEST_SLEEP_SECONDS="0.5")
    answers: list[Answer] = []
    caller = threading.Thread(target=lambda: answers.append(app.get("/random/number")))
    caller.start()
    caller.join(timeout=0.2)  # the request is inside its sleep
    app.terminate()
    caller.join()
    assert [answer.status for answer in answers] == [200]
    assert app.wait() == 0


def call_in_vain(app: App) -> None:
    with pytest.raises(OSError):  # noqa: PT011  how a cut connection shows depends on the moment
        app.get("/random/number")


def test_a_second_sigterm_ends_at_once(tmp_path: Path, start: Start) -> None:
    app = start(checkout(tmp_path / "work", "phase-1", "phase-2"), PYTHON, TEST_SLEEP_SECONDS="30")
    caller = threading.Thread(target=call_in_vain, args=(app,))
    caller.start()
    caller.join(timeout=0.2)
    app.terminate()
    caller.join(timeout=0.2)
    app.terminate()
    assert app.wait() < 0
    caller.join()
