"""No object makes the analysis raise: it is shown what is wrong, so it has to bear it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.samples import NOW
from tests.resources.samples import changed
from tests.resources.test_robustness import GOOD, JSON

from turnout.analysis.analyze import FAMILIES
from turnout.analysis.inventory import Subject, inventory
from turnout.inputs.check import check
from turnout.inputs.survey import survey
from turnout.problem import Place
from turnout.resources.interpret import interpret

RAW: tuple[dict[str, Any], ...] = (
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}}, "spec": {"nodeName": "n"}},
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "z"}}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"tls.crt": "YQ==", "tls.key": "YQ=="}},
    {"kind": "MeshConfig", "defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}},
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "g"},
        "spec": {"gatewayClassName": "istio", "listeners": [{"name": "h", "port": 80, "protocol": "HTTP"}]},
        "status": {"conditions": [{"type": "Accepted", "status": "False"}]},
    },
    {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": {"name": "r"},
        "spec": {"selector": {"matchLabels": {"istio": "ingressgateway"}}},
    },
)
OBJECTS = (*GOOD, *RAW)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((*path, key), *_places(item, (*path, key)))]


@st.composite
def spoiled(draw: st.DrawFn) -> list[dict[str, Any]]:
    """All objects, some of them with anything at all at one of their places."""
    hit = (
        obj if draw(st.booleans()) else changed(obj, draw(st.sampled_from(_places(obj))), draw(JSON)) for obj in OBJECTS
    )
    return list(hit)


@given(spoiled())
@settings(max_examples=120)
def test_every_rule_bears_any_object(objects: list[dict[str, Any]]) -> None:
    kept = inventory([Subject(obj, interpret(obj).draft) for obj in objects], NOW)
    for family in FAMILIES:
        for problem in family.rule(kept):
            assert problem.code in family.codes


@given(st.lists(st.sampled_from(OBJECTS), max_size=6), JSON)
@settings(max_examples=40)
def test_every_finding_of_a_file_has_a_place_in_it(objects: list[dict[str, Any]], other: Any) -> None:
    try:
        text = "\n---\n".join(json.dumps(obj) for obj in (*objects, other))
    except ValueError:
        return
    for finding in check(survey([], text), NOW, local=True):
        assert finding.place.file == "stdin"
        assert 1 <= finding.place.line <= text.count("\n") + 2


def test_a_folder_of_nothing_is_no_error(tmp_path: Path) -> None:
    found = check(survey([tmp_path]), NOW)
    assert [(finding.problem.code, type(finding.place)) for finding in found] == [("TNO205", Place)]
