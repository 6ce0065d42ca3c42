"""The examples' YAML fits together: what one object names, another one is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.examples.apps import DARK_LAUNCH, PHASES, checkout, manifests

World = dict[tuple[str, str], dict[str, Any]]


def world(folder: Path) -> World:
    found = [((obj["kind"], obj["metadata"]["name"]), obj) for obj in manifests(folder)]
    assert len(dict(found)) == len(found), "an object is there twice"
    return dict(found)


@pytest.fixture(params=[*range(1, len(PHASES) + 1), "dark-launch"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return DARK_LAUNCH if request.param == "dark-launch" else checkout(tmp_path, *PHASES[: request.param])


def of(world: World, kind: str) -> list[dict[str, Any]]:
    return [obj for (found, _), obj in world.items() if found == kind]


def destinations(world: World) -> Iterator[dict[str, Any]]:
    for service in of(world, "VirtualService"):
        for route in service["spec"]["http"]:
            yield from (each["destination"] for each in route["route"])
            yield from filter(None, [route.get("mirror")])


def pod_labels(world: World) -> list[dict[str, str]]:
    return [deployment["spec"]["template"]["metadata"]["labels"] for deployment in of(world, "Deployment")]


def test_every_image_can_run(folder: Path) -> None:
    images = yaml.safe_load((folder / "turnout.yaml").read_text())["images"]
    for deployment in of(world(folder), "Deployment"):
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        assert container["image"].partition(":")[0] in images
    assert all((folder / image["context"]).is_dir() for image in images.values())


def test_every_destination_is_a_service_and_a_subset_with_pods(folder: Path) -> None:
    found = world(folder)
    for destination in destinations(found):
        selector = dict(found["Service", destination["host"]]["spec"]["selector"])
        if "subset" in destination:
            rule = found["DestinationRule", destination["host"]]
            [subset] = [each for each in rule["spec"]["subsets"] if each["name"] == destination["subset"]]
            selector |= subset["labels"]
        assert any(selector.items() <= labels.items() for labels in pod_labels(found))


def test_every_deployment_selects_its_own_pods_only(folder: Path) -> None:
    found = world(folder)
    for deployment in of(found, "Deployment"):
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert sum(selector.items() <= labels.items() for labels in pod_labels(found)) == 1


def test_weights_add_up_to_100(folder: Path) -> None:
    for service in of(world(folder), "VirtualService"):
        for route in service["spec"]["http"]:
            weights = [each["weight"] for each in route["route"] if "weight" in each]
            assert not weights or sum(weights) == 100


def test_the_names_are_the_articles(tmp_path: Path) -> None:
    found = world(checkout(tmp_path, *PHASES))
    app = "rewrite-app-with-istio"
    assert set(found) == {
        ("Service", app),
        ("Deployment", f"{app}-blue"),
        ("Deployment", f"{app}-green"),
        ("Gateway", app),
        ("DestinationRule", app),
        ("VirtualService", "ingress"),
        ("VirtualService", "cluster"),
    }
    for name in ("ingress", "cluster"):
        routes = found["VirtualService", name]["spec"]["http"]
        assert [route["name"] for route in routes] == [f"{app}-route-v2", f"{app}-route-v1"]
        assert [(each["destination"]["subset"], each["weight"]) for each in routes[0]["route"]] == [
            ("green", 0),
            ("blue", 100),
        ]


def test_the_second_example_mirrors_everything_to_v2() -> None:
    [route] = world(DARK_LAUNCH)["VirtualService", "recommendation"]["spec"]["http"]
    assert [each["destination"]["subset"] for each in route["route"]] == ["version-v1"]
    assert route["mirror"]["subset"] == "version-v2"
    assert route["mirrorPercentage"] == {"value": 100}
