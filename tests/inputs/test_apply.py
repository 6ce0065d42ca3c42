"""The last-applied rule: files and live changes side by side."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from turnout.inputs.apply import (
    LAST_APPLIED,
    SOURCE,
    Action,
    Create,
    Delete,
    Patch,
    content,
    drift,
    last_applied,
    plan,
    source_of,
    with_source,
)
from turnout.inputs.drift import Difference
from turnout.inputs.merge import ABSENT
from turnout.resources.kinds import DEPLOYMENT, VIRTUAL_SERVICE

Object = dict[str, Any]


def route(*weights: int) -> list[Object]:
    return [
        {"destination": {"host": "reviews", "subset": f"v{version}"}, "weight": weight}
        for version, weight in enumerate(weights, 1)
    ]


def virtual_service(*rules: Object, name: str = "cluster", **metadata: Any) -> Object:
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"hosts": ["reviews"], "http": list(rules)},
    }


def rule(name: str, *weights: int, **more: Any) -> Object:
    return {"name": name, "route": route(*weights), **more}


def from_file(obj: Object, file: str = "/k8s/reviews.yaml", index: int = 0) -> Object:
    return with_source(obj, f"{file}#{index}")


def applied(obj: Object) -> Object:
    """The live object right after the file was applied, as the server would hold it."""
    (action,) = plan([obj], [])
    assert isinstance(action, Create)
    live = deepcopy(action.object)
    live["apiVersion"] = live["apiVersion"].replace("v1beta1", "v1")
    live["metadata"] |= {
        "uid": "u",
        "resourceVersion": "7",
        "generation": 1,
        "creationTimestamp": "2024-01-01T00:00:00Z",
    }
    return live


def patched(new: Object, live: Object) -> Object:
    (action,) = plan([new], [live])
    assert isinstance(action, Patch)
    return action.object


def weights(obj: Object, index: int = 0) -> list[int]:
    return [destination["weight"] for destination in obj["spec"]["http"][index]["route"]]


def test_a_new_object_is_created_with_its_source_and_what_the_file_said() -> None:
    (action,) = plan([from_file(virtual_service(rule("a", 99, 1)))], [])
    assert isinstance(action, Create)
    assert source_of(action.object) == ("/k8s/reviews.yaml", 0)
    assert last_applied(action.object) == virtual_service(rule("a", 99, 1))


def test_an_unchanged_file_sends_nothing_although_traffic_was_shifted() -> None:
    file = from_file(virtual_service(rule("a", 99, 1)))
    live = applied(file)
    live["spec"]["http"][0]["route"] = route(50, 50)
    assert plan([file], [live]) == []


def test_a_changed_file_keeps_the_live_weights_it_did_not_change() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    live["spec"]["http"][0]["route"] = route(50, 50)
    now = patched(from_file(virtual_service(rule("a", 99, 1, timeout="3s"))), live)
    assert weights(now) == [50, 50]
    assert now["spec"]["http"][0]["timeout"] == "3s"


def test_the_file_wins_for_the_weights_it_changed() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    live["spec"]["http"][0]["route"] = route(50, 50)
    assert weights(patched(from_file(virtual_service(rule("a", 90, 10))), live)) == [90, 10]


def test_a_patch_is_guarded_by_the_live_version_and_keeps_the_served_api_version() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1)))) | {"status": {"observedGeneration": 1}}
    now = patched(from_file(virtual_service(rule("a", 90, 10))), live)
    assert now["metadata"]["resourceVersion"] == "7"
    assert now["apiVersion"] == "networking.istio.io/v1"
    assert now["status"] == {"observedGeneration": 1}


def test_a_second_plan_after_a_patch_is_empty() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    changed = from_file(virtual_service(rule("a", 90, 10)))
    assert plan([changed], [patched(changed, live)]) == []


def test_a_field_that_leaves_the_file_leaves_the_live_object() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1, timeout="3s"))))
    now = patched(from_file(virtual_service(rule("a", 99, 1))), live)
    assert "timeout" not in now["spec"]["http"][0]


def test_a_rule_added_live_stays_before_the_rule_it_precedes() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1), rule("b", 1, 0))))
    live["spec"]["http"].insert(1, rule("b-mirror", 1, mirror={"host": "reviews", "subset": "v2"}))
    now = patched(from_file(virtual_service(rule("a", 90, 10), rule("new", 1), rule("b", 1, 0))), live)
    names = [item["name"] for item in now["spec"]["http"]]
    assert sorted(names) == ["a", "b", "b-mirror", "new"]
    assert names.index("b-mirror") < names.index("b")
    assert names.index("a") < names.index("new") < names.index("b")


def test_rules_reordered_in_the_file_are_reordered_live() -> None:
    live = applied(from_file(virtual_service(rule("a", 1), rule("b", 1))))
    live["spec"]["http"][0]["route"] = route(5)
    now = patched(from_file(virtual_service(rule("b", 1), rule("a", 1))), live)
    assert [item["name"] for item in now["spec"]["http"]] == ["b", "a"]
    assert weights(now, 1) == [5]


def test_a_rule_deleted_from_the_file_goes_and_one_made_live_stays() -> None:
    live = applied(from_file(virtual_service(rule("a", 1), rule("b", 1))))
    live["spec"]["http"].append(rule("c", 1))
    now = patched(from_file(virtual_service(rule("a", 1))), live)
    assert [item["name"] for item in now["spec"]["http"]] == ["a", "c"]


def test_a_list_of_another_length_is_taken_from_the_file_as_a_whole() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    live["spec"]["http"][0]["route"] = route(50, 50)
    assert weights(patched(from_file(virtual_service(rule("a", 98, 1, 1))), live)) == [98, 1, 1]


def test_an_object_that_leaves_its_file_is_deleted() -> None:
    live = applied(from_file(virtual_service(rule("a", 1))))
    assert plan([], [live]) == [Delete(VIRTUAL_SERVICE, "default", "cluster")]


def test_an_object_that_kubectl_made_is_left_alone() -> None:
    assert plan([], [virtual_service(rule("a", 1))]) == []


def test_what_came_from_a_broken_file_stays_as_it_is() -> None:
    live = applied(from_file(virtual_service(rule("a", 1))))
    assert plan([], [live], broken={"/k8s/reviews.yaml"}) == []


def test_a_file_takes_over_an_object_that_kubectl_made() -> None:
    live = virtual_service(rule("a", 50, 50), labels={"team": "x"})
    now = patched(from_file(virtual_service(rule("a", 99, 1))), live)
    assert weights(now) == [99, 1]
    assert now["metadata"]["labels"] == {"team": "x"}
    assert source_of(now) == ("/k8s/reviews.yaml", 0)


def test_an_object_moved_to_another_file_only_gets_its_annotation_changed() -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    live["spec"]["http"][0]["route"] = route(50, 50)
    (action,) = plan([from_file(virtual_service(rule("a", 99, 1)), "/k8s/other.yaml", 3)], [live])
    assert isinstance(action, Patch)
    assert not action.fields_changed
    assert source_of(action.object) == ("/k8s/other.yaml", 3)
    assert weights(action.object) == [50, 50]


def test_another_api_version_in_the_file_changes_no_field() -> None:
    live = applied(from_file(virtual_service(rule("a", 1))))
    file = from_file(virtual_service(rule("a", 1)) | {"apiVersion": "networking.istio.io/v1"})
    (action,) = plan([file], [live])
    assert isinstance(action, Patch)
    assert not action.fields_changed


def test_labels_and_annotations_that_others_wrote_stay_when_the_file_drops_its_own() -> None:
    live = applied(from_file(virtual_service(rule("a", 1), labels={"mine": "1"}, annotations={"mine": "1"})))
    live["metadata"]["labels"]["theirs"] = "1"
    live["metadata"]["annotations"]["theirs"] = "1"
    now = patched(from_file(virtual_service(rule("a", 1))), live)
    assert now["metadata"]["labels"] == {"theirs": "1"}
    assert now["metadata"]["annotations"].keys() == {"theirs", SOURCE, LAST_APPLIED}


def test_what_the_server_wrote_counts_for_nothing_in_a_file() -> None:
    """Such a file comes from `kubectl get -o yaml`."""
    exported = applied(from_file(virtual_service(rule("a", 1)))) | {"status": {"observedGeneration": 1}}
    assert content(exported) == virtual_service(rule("a", 1)) | {"apiVersion": "networking.istio.io/v1"}


@pytest.mark.parametrize("spoiled", ["{", "[]", "7", ""])
def test_a_spoiled_annotation_is_as_none(spoiled: str) -> None:
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    live["metadata"]["annotations"][LAST_APPLIED] = spoiled
    assert weights(patched(from_file(virtual_service(rule("a", 90, 10))), live)) == [90, 10]


def test_services_come_before_the_routes_that_name_them_and_go_after_them() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews", "namespace": "default"}}
    files = [from_file(virtual_service(rule("a", 1))), from_file(service, index=1)]

    def kind(action: Action) -> str:
        return action.object["kind"] if isinstance(action, Create) else action.kind.kind

    assert [kind(action) for action in plan(files, [])] == ["Service", "VirtualService"]
    assert [kind(action) for action in plan([], [applied(file) for file in files])] == ["VirtualService", "Service"]


def test_planning_changes_neither_files_nor_live_objects() -> None:
    file = from_file(virtual_service(rule("a", 90, 10)))
    live = applied(from_file(virtual_service(rule("a", 99, 1))))
    before = json.dumps([file, live])
    now = patched(file, live)
    now["spec"]["http"][0]["route"][0]["weight"] = 5
    assert json.dumps([file, live]) == before


def test_drift_names_the_weights_that_were_shifted() -> None:
    file = from_file(virtual_service(rule("a", 99, 1)))
    live = applied(file)
    live["spec"]["http"][0]["route"] = route(50, 50)
    assert drift(file, live) == [
        Difference(("spec", "http", 0, "route", 0, "weight"), 99, 50),
        Difference(("spec", "http", 0, "route", 1, "weight"), 1, 50),
    ]
    assert str(drift(file, live)[0]) == "spec.http[0].route[0].weight: 99 in the file, 50 live"


def test_a_rule_added_live_is_one_drift() -> None:
    file = from_file(virtual_service(rule("a", 99, 1)))
    live = applied(file)
    mirror = rule("a-mirror", 1)
    live["spec"]["http"].insert(0, mirror)
    assert drift(file, live) == [Difference(("spec", "http", 0), ABSENT, mirror)]


def test_nothing_drifts_right_after_applying() -> None:
    file = from_file(virtual_service(rule("a", 99, 1)))
    assert drift(file, applied(file)) == []


def test_defaults_of_kubernetes_are_no_drift_but_other_additions_are() -> None:
    file: Object = {"apiVersion": "apps/v1", "kind": DEPLOYMENT.kind, "metadata": {"name": "a"}, "spec": {}}
    live = deepcopy(file) | {"spec": {"replicas": 1, "revisionHistoryLimit": 10, "paused": True}}
    assert drift(file, live) == [Difference(("spec", "paused"), ABSENT, True)]
    live["spec"]["replicas"] = 3
    assert Difference(("spec", "replicas"), ABSENT, 3) in drift(file, live)
