"""What pages make of the API's answers: the pure parts."""

from __future__ import annotations

import json
from typing import Any

from turnout.web.lines import Line
from turnout.web.pages.logs import output, request
from turnout.web.pages.problems import counted, ordered
from turnout.web.pages.routes import hosts_words
from turnout.web.prose import pieces


def text(line: Line) -> str:
    return "".join(part.text for part in line.parts).strip()


def test_what_stands_in_backticks_is_code() -> None:
    assert pieces("see `turnout logs`") == [("see ", False), ("turnout logs", True)]
    assert pieces("`a` or `b`") == [("a", True), (" or ", False), ("b", True)]
    assert pieces("a ` alone") == [("a ` alone", False)]
    assert pieces("`a` and ` alone") == [("a", True), (" and ` alone", False)]
    assert pieces("") == []


def problem(severity: str, message: str = "") -> dict[str, Any]:
    return {"severity": severity, "message": message}


def test_problems_are_shown_the_gravest_first() -> None:
    found = [problem("info"), problem("warning", "a"), problem("error"), problem("warning", "b")]
    assert [(p["severity"], p["message"]) for p in ordered(found)] == [
        ("error", ""),
        ("warning", "a"),
        ("warning", "b"),
        ("info", ""),
    ]


def test_problems_are_counted_in_words() -> None:
    assert counted([problem("error"), problem("warning"), problem("warning")]) == "1 error, 2 warnings"
    assert counted([]) == ""


def test_where_requests_come_from_is_said_in_words() -> None:
    assert hosts_words(["app.test"], ["web", "mesh"]) == "for app.test, through gateway web and from inside the mesh"


def test_a_line_of_output_is_headed_by_its_pod_where_several_print() -> None:
    line = output("app-v1-x2kd9 | \x1b[31mGET\x1b[0m / | ok", {})
    assert [(part.text, part.look) for part in line.parts] == [("app-v1-x2kd9 ", "who who-1"), ("GET / | ok", "")]
    assert [part.text for part in output("plain | line", {}).parts] == ["plain | line"]


def test_pods_keep_their_colours() -> None:
    looks: dict[str, str] = {}
    pods = ["a-v1-aaaaa", "b-v1-bbbbb", "a-v1-aaaaa"]
    assert [output(f"{pod} | x", looks).parts[0].look for pod in pods] == ["who who-1", "who who-2", "who who-1"]


REQUEST: dict[str, Any] = {
    "at": "2026-01-02T03:04:05.678Z",
    "source": "customer-v1",
    "service": "preference.default.svc.cluster.local",
    "workload": "preference-v1",
    "method": "GET",
    "authority": "preference:8080",
    "path": "/a?b=c",
    "status": 200,
    "flags": "",
    "flags_in_words": "",
    "attempts": 1,
    "duration_ms": 3.21,
    "trace_id": "",
    "mirrored": False,
}


def shown(**found: Any) -> Line:
    return request(json.dumps(REQUEST | found))


def test_a_request_says_who_asked_whom_for_what_and_how_it_went() -> None:
    line = shown()
    assert text(line).partition(" ")[0].endswith("04:05.678")
    assert "200 3.21 ms customer-v1 → preference-v1 GET preference:8080/a?b=c" in text(line)
    assert line.tone == ""


def test_a_request_that_failed_says_why_in_words() -> None:
    line = shown(status=503, flags="UF", flags_in_words="The connection could not be made.", workload="", attempts=3)
    assert line.tone == "failed"
    assert "customer-v1 → preference " in text(line)
    assert text(line).endswith("3 attempts UF: The connection could not be made.")


def test_a_copy_is_marked_and_a_traced_request_leads_to_its_trace() -> None:
    line = shown(mirrored=True, source="", trace_id="abc")
    assert line.tone == "mirrored"
    assert "a copy → preference-v1" in text(line)
    assert line.parts[-1].href == "/traces/abc"


def test_what_was_too_much_is_said_and_what_is_no_request_is_shown_as_it_is() -> None:
    assert "12" in text(request('{"dropped": 12}'))
    assert text(request("not json")) == "not json"
    assert text(request("{}")) == "{}"
