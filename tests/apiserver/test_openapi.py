"""The schemas that `kubectl explain` shows are those by which objects are read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from turnout.apiserver import openapi
from turnout.apiserver.field_words import WORDS
from turnout.apiserver.schema import name_of
from turnout.resources.kinds import DEPLOYMENT, KINDS, POD, VIRTUAL_SERVICE, Kind

PLACES = list(openapi.index()["paths"])


def schemas(place: str) -> dict[str, Any]:
    document = openapi.document(place)
    assert document is not None
    return dict(document["components"]["schemas"])


@pytest.mark.parametrize("place", PLACES)
def test_every_reference_leads_somewhere(place: str) -> None:
    text = json.dumps(openapi.document(place))
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= schemas(place).keys()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_each_version_of_a_kind_has_its_schema_and_paths(kind: Kind) -> None:
    for version in kind.versions:
        place = f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"
        schema = schemas(place)[name_of(kind, version)]
        named = {"group": kind.group, "version": version, "kind": kind.kind}
        assert schema["x-kubernetes-group-version-kind"] == [named]
        assert {"apiVersion", "kind", "metadata"} <= schema["properties"].keys()
        document = openapi.document(place)
        assert document is not None
        patched = [
            methods["patch"]
            for path, methods in document["paths"].items()
            if path.endswith(f"{kind.plural}/{{name}}") and "patch" in methods
        ]
        assert any(operation["x-kubernetes-group-version-kind"] == named for operation in patched)
        assert {"dryRun", "fieldValidation"} <= {parameter["name"] for parameter in patched[0]["parameters"]}


def test_fields_have_their_types_and_words() -> None:
    found = schemas("apis/networking.istio.io/v1")
    spec = found["turnout.resources.virtual_service.VirtualServiceSpec"]["properties"]
    assert spec["hosts"]["items"] == {"type": "string"}
    assert spec["http"]["description"] == WORDS["VirtualServiceSpec.http"]
    route = found["turnout.resources.virtual_service.HTTPRoute"]["properties"]
    assert (route["timeout"]["type"], route["mirrorPercent"]["type"]) == ("string", "integer")
    assert found[name_of(VIRTUAL_SERVICE, "v1")]["description"] == WORDS["VirtualService"]


def test_kubernetes_own_kinds_may_have_fields_that_turnout_does_not_know() -> None:
    whole = schemas("apis/apps/v1")[name_of(DEPLOYMENT, "v1")]
    assert whole["x-kubernetes-preserve-unknown-fields"]
    assert "containers" in json.dumps(schemas("api/v1")[name_of(POD, "v1")] | schemas("api/v1"))


def test_words_are_about_fields_that_there_are() -> None:
    known = {"metadata", *(kind.title for kind in KINDS)}
    for place in PLACES:
        for name, schema in schemas(place).items():
            known |= {f"{name.rpartition('.')[2].strip('_')}.{field}" for field in schema.get("properties", ())}
    assert WORDS.keys() <= known
