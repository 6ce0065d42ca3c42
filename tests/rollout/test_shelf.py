from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rollout.service_site import NAME, ServiceSite, rollout, running

from turnout.resources.kinds import CONFIG_MAP
from turnout.rollout import engine
from turnout.rollout.shelf import ConfigMaps, Objects, Shelf, merged, shelf

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServiceSite]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture(params=[Objects, ConfigMaps])
def kept(request: pytest.FixtureRequest, site: ServiceSite) -> Shelf:
    made: Shelf = request.param(site.client)
    return made


def test_a_rollout_is_the_same_wherever_it_is_kept(kept: Shelf) -> None:
    made = kept.create(rollout({"weight": 50}))
    assert (made["kind"], made["metadata"]["name"], made["spec"]["to"]) == ("Rollout", NAME, "v2")
    kept.write_status("default", NAME, {"phase": "running", "lastChange": {"at": 1, "why": "x"}, "users": {"seen": 3}})
    kept.write_status("default", NAME, {"lastChange": {"at": 2}, "users": None})
    kept.annotate("default", NAME, {"turnout.dev/order": "pause"})
    [live] = kept.list("default")
    assert live == kept.get("default", NAME)
    assert live["status"] == {"phase": "running", "lastChange": {"at": 2, "why": "x"}}
    assert live["metadata"]["annotations"]["turnout.dev/order"] == "pause"
    assert live["metadata"]["generation"] == made["metadata"]["generation"], "neither is another spec"
    assert kept.annotate("default", NAME, {"turnout.dev/order": None})["metadata"].get("annotations", {}) == {}
    kept.delete("default", NAME)
    assert kept.list() == []


def test_a_whole_rollout_goes_by_config_maps(site: ServiceSite) -> None:
    kept = ConfigMaps(site.client)
    site.client.create(CONFIG_MAP, {"metadata": {"name": "another", "namespace": "default"}, "data": {"spec": "x: y"}})
    obj = rollout({"weight": 5}, {"weight": 50})
    site.prepare(obj)
    kept.create(obj)
    for _ in range(500):
        site.now += 1.0
        engine.tick(replace(site.engine_site, shelf=kept))
        if kept.get("default", NAME)["status"]["phase"] != "running":
            break
    assert kept.get("default", NAME)["status"]["phase"] == "finished"
    assert site.weights == (0, 100)
    other = site.client.get(CONFIG_MAP, "default", "another")
    assert list(other["data"]) == ["spec"], "what has no label is nobody's rollout"


def test_another_spec_in_a_config_map_is_another_rollout(site: ServiceSite) -> None:
    kept = ConfigMaps(site.client)
    before = kept.create(rollout({"weight": 50}))
    site.client.patch(CONFIG_MAP, "default", NAME, {"data": {"spec": "service: app\nfrom: v1\nto: v3\nsteps: []\n"}})
    after = kept.get("default", NAME)
    assert after["spec"]["to"] == "v3"
    assert after["metadata"]["generation"] != before["metadata"]["generation"]


@pytest.mark.parametrize("text", ["", "a: [", "- x", "just text"])
def test_what_is_no_mapping_is_an_empty_spec(site: ServiceSite, text: str) -> None:
    labels = {"turnout.dev/rollout": "spec"}
    obj: dict[str, Any] = {"metadata": {"name": "x", "namespace": "default", "labels": labels}, "data": {"spec": text}}
    site.client.create(CONFIG_MAP, obj)
    assert ConfigMaps(site.client).get("default", "x")["spec"] == {}


def test_a_cluster_with_the_kind_keeps_objects(site: ServiceSite) -> None:
    assert isinstance(shelf(site.client), Objects)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_one_of_rfc_7386(target: dict[str, Any], patch: dict[str, Any]) -> None:
    result = merged(target, patch)
    assert merged(result, patch) == result, "once more changes nothing"
    assert all(key not in result for key, value in patch.items() if value is None)
    assert all(result[key] == value for key, value in target.items() if key not in patch)
    assert merged(target, {}) == target
