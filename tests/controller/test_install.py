from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from tests.rollout.test_intent import SPECS, rollout

from turnout.controller.install import Choices, definition, objects
from turnout.inputs import helm
from turnout.inputs.chart import Release, chart_files
from turnout.problem import errors
from turnout.resources.interpret import interpret
from turnout.resources.rollout import RolloutSpec
from turnout.resources.written import documents

CHART = Path(__file__).parents[2] / "charts" / "turnout-controller"
IMAGE = "registry.example/turnout:1"


def by_kind(found: list[Any]) -> dict[str, Any]:
    return {obj["kind"]: obj for obj in found}


@pytest.mark.parametrize(
    ("choices", "sets"),
    [
        (Choices("shop", image=IMAGE), ()),
        (Choices("shop", everywhere=True, image=IMAGE), ("allNamespaces=true",)),
        (Choices("shop", in_config_maps=True, image=IMAGE), ("configMaps=true",)),
    ],
)
def test_the_chart_is_what_install_prints(choices: Choices, sets: tuple[str, ...]) -> None:
    release = Release("turnout", "shop", sets=(f"image={IMAGE}", *sets))
    rendered = helm.engine().render(chart_files(CHART), "turnout", release)
    chart = [obj for text in rendered.values() for obj in yaml.safe_load_all(text) if obj]

    assert by_kind(chart) == by_kind([obj for obj in objects(choices) if obj["kind"] != "CustomResourceDefinition"])


def test_the_charts_definition_is_the_one_that_install_prints() -> None:
    assert yaml.safe_load((CHART / "crds" / "rollouts.yaml").read_text()) == definition()


def test_all_that_is_installed_is_valid_and_read_back_as_it_was_printed() -> None:
    printed = objects(Choices("shop", everywhere=True))
    assert list(yaml.safe_load_all(documents(printed))) == printed
    assert [(obj["kind"], interpret(obj).problems) for obj in printed] == [(obj["kind"], []) for obj in printed]


def structural(schema: Mapping[str, Any]) -> bool:
    """As kubernetes.io has it: every field has a type, or is said to be an integer or a string."""
    if schema.get("x-kubernetes-int-or-string"):
        return "type" not in schema
    inner = [*schema.get("properties", {}).values()]
    inner += [schema[key] for key in ("items", "additionalProperties") if key in schema]
    return "type" in schema and all(map(structural, inner))


def test_the_schema_is_structural_and_has_the_fields_of_a_rollout() -> None:
    [version] = definition()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    spec = schema["properties"]["spec"]

    assert structural(schema)
    assert len(spec["properties"]) == len(RolloutSpec.__dataclass_fields__)
    assert spec["required"] == ["service", "from", "to", "steps"]
    assert spec["properties"]["onTimeout"] == {"type": "string", "enum": ["hold", "abort"]}
    guards = spec["properties"]["guards"]["items"]["properties"]
    assert guards["errors"]["properties"]["codes"]["items"] == {"x-kubernetes-int-or-string": True}


def strict(schema: Any) -> Any:
    """As JSON Schema has it: nothing is pruned here, so that a field that is missing in the schema is found out."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if "properties" in found:
        found["properties"] = {name: strict(value) for name, value in found["properties"].items()}
        found["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = strict(found[key])
    return found


SCHEMA = strict(definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
WHOLE = {
    "service": "app",
    "from": "v1",
    "to": "v2",
    "route": "main",
    "methods": ["GET"],
    "steps": [{"users": {"headers": {"x": {"prefix": "a"}}}}, {"weight": 5, "minTime": "1s", "maxTime": "2s"}],
    "guards": [{"errors": {"codes": [429, "4xx"]}}, {"query": {"bad": "$version", "total": "$version"}, "name": "own"}],
    "hooks": [{"webhook": {"url": "http://x/"}, "events": ["step"], "timeout": "3s"}, {"exec": ["true"]}],
    "maxUserImpact": 3.5,
    "sticky": "header:x",
    "onTimeout": "abort",
    "expectations": "file.yaml",
}


def test_a_rollout_with_every_kind_of_field_is_one_on_a_cluster() -> None:
    assert errors(interpret(rollout(**WHOLE)).problems) == []
    jsonschema.validate(WHOLE, SCHEMA)


@given(SPECS.map(lambda spec: rollout(**spec)["spec"]))
def test_what_is_a_rollout_here_is_one_on_a_cluster(spec: dict[str, Any]) -> None:
    if not errors(interpret(rollout(**spec)).problems):
        jsonschema.validate(spec, SCHEMA)


@pytest.mark.parametrize("change", [{"steps": []}, {"steps": "5"}, {"onTimeout": "wait"}, {"confidence": "x"}])
def test_what_has_another_form_is_refused_by_the_cluster_itself(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**WHOLE, **change}, SCHEMA)
