from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from turnout.controller.install import Choices, definition, objects
from turnout.inputs import helm
from turnout.inputs.chart import Release, chart_files
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
