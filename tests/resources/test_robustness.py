"""No text and no object makes reading raise."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources import samples

from turnout.problem import Place, errors
from turnout.resources.duration import parse
from turnout.resources.interpret import interpret
from turnout.resources.kinds import KINDS
from turnout.resources.re2 import regex_fault
from turnout.resources.reader import read

YAML_PIECES = (
    *(
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        " ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&x ",
        "*x",
        "<<: ",
        "#",
    ),
    *("'", '"', "|", ">", "---", "...", "\n---\n", "%YAML 1.1\n", "!!int ", "!t ", "80", "yes", "~", ".inf", "\\"),
    *(
        "kind: List\n",
        "items:\n",
        "apiVersion: v1\n",
        "kind: Service\n",
        "metadata:\n",
        "\ufeff",
        "\x00",
        "\x85",
        "é",
        "\ud800",
    ),
)
KEYS = st.sampled_from(
    (
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "spec",
        "http",
        "route",
        "match",
        "uri",
        "weight",
        "host",
        "port",
        "a",
        "",
        "0",
    )
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(("1s", "*", "80", "v1")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
GOOD = (
    samples.virtual_service(
        match=[
            {
                "uri": {"prefix": "/"},
                "headers": {"a": {"regex": "b+"}},
                "sourceLabels": {"a": "b"},
                "gateways": ["mesh"],
            }
        ],
        retries={"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx,503"},
        fault={"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}, "abort": {"httpStatus": 503}},
        mirror={"host": "b", "subset": "v2", "port": {"number": 80}},
        mirrorPercentage={"value": 10.5},
        headers={"request": {"set": {"a": "%VAR%"}, "remove": ["b"]}},
        corsPolicy={"allowOrigins": [{"exact": "*"}], "maxAge": "1s"},
        rewrite={"uriRegexRewrite": {"match": "^/(.*)$", "rewrite": "/\\1"}},
    ),
    samples.destination_rule(
        loadBalancer={"consistentHash": {"maglev": {"tableSize": 5}, "httpCookie": {"name": "a", "ttl": "1s"}}},
        connectionPool={"tcp": {"maxConnections": 1}, "http": {"http2MaxRequests": 1, "idleTimeout": "1s"}},
        outlierDetection={"consecutive5xxErrors": 1, "interval": "1s"},
        tls={"mode": "MUTUAL", "credentialName": "a"},
        portLevelSettings=[{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}],
    ),
    samples.gateway(tls={"httpsRedirect": True}, hosts=["./*.example.com"]),
    samples.service_entry(endpoints=[{"address": "a.b", "ports": {"http": 80}}], exportTo=["."]),
    samples.service(),
    samples.deployment(
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}], readinessProbe={"exec": {"command": ["a"]}}
    ),
)


@given(st.text() | st.lists(st.sampled_from(YAML_PIECES), max_size=40).map("".join))
@settings(max_examples=600, deadline=None)
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    documents, problems = read(text, "f.yaml")
    for document in documents:
        interpret(document.data, document)
        document.place(("spec", "http", 0))
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 2
    for problem in problems:
        assert isinstance(problem.where, Place)
        assert 1 <= problem.where.line <= lines


@given(st.dictionaries(KEYS, JSON, max_size=5), st.sampled_from(KINDS))
@settings(max_examples=200, deadline=None)
def test_any_object_is_interpreted_without_raising(obj: dict[str, Any], kind: Any) -> None:
    found = interpret({**obj, "apiVersion": kind.api_version, "kind": kind.kind})
    assert (found.resource is None) == bool(errors(found.problems))


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((*path, key), *_places(item, (*path, key)))]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_good_object_broken_anywhere_never_raises(data: st.DataObject) -> None:
    obj = copy.deepcopy(data.draw(st.sampled_from(GOOD)))
    path = data.draw(st.sampled_from([place for place in _places(obj) if place[0] not in ("apiVersion", "kind")]))
    broken = samples.changed(obj, path, data.draw(JSON | st.just(...)))
    found = interpret(broken)
    assert (found.resource is None) == bool(errors(found.problems))


def test_the_good_objects_are_good() -> None:
    for obj in GOOD:
        assert errors(interpret(obj).problems) == []


@given(st.text() | st.text("0123456789.smhunµ-+"))
def test_any_text_is_a_duration_or_none(text: str) -> None:
    parse(text)


@given(st.text() | st.text("ab\\pPQEzZx{}[]()<>?*+|^$-:=!1,ik", max_size=30))
@settings(max_examples=800)
def test_any_pattern_is_judged(pattern: str) -> None:
    regex_fault(pattern)
