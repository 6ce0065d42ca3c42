"""What Kubernetes' clients rely on besides plain reads and writes, over real HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.apiserver.samples import Served, virtual_service

from turnout.apiserver import history
from turnout.resources.kinds import CONFIG_MAP

CORE = "/api/v1/namespaces/default"
MAPS = f"{CORE}/configmaps"
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def make(served: Served, path: str, body: Any) -> Any:
    response, made = served.request("POST", path, body)
    assert response.status == 201, made
    return made


def fill(served: Served, count: int, **labels: str) -> None:
    for number in range(count):
        make(served, MAPS, {"metadata": {"name": f"m{number}", "labels": labels}})


def names(listed: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def deploy(served: Served) -> Any:
    selector = {"matchLabels": {"app": "web", "tier": "a"}}
    body = {"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": selector}}
    return make(served, WEB.rpartition("/")[0], body)


# --- lists


def test_a_list_comes_in_pages_of_one_moment(served: Served) -> None:
    fill(served, 5)
    _, first = served.request("GET", f"{MAPS}?limit=2")
    assert names(first) == ["m0", "m1"]
    assert first["metadata"]["remainingItemCount"] == 3
    served.request("DELETE", f"{MAPS}/m3")
    make(served, MAPS, {"metadata": {"name": "m21"}})
    _, second = served.request("GET", f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert names(second) == ["m2", "m3"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    _, third = served.request("GET", f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
    assert names(third) == ["m4"]
    assert "continue" not in third["metadata"]


def test_a_page_of_a_forgotten_moment_is_gone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 4)
    fill(served, 3)
    _, first = served.request("GET", f"{MAPS}?limit=1")
    for number in range(10, 20):
        make(served, MAPS, {"metadata": {"name": f"m{number}"}})
    response, status = served.request("GET", f"{MAPS}?limit=1&continue={first['metadata']['continue']}")
    assert (response.status, status["reason"]) == (410, "Expired")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=x", 400),
        ("continue=nonsense", 400),
        ("continue=WzEsMl0=", 400),
        ("resourceVersionMatch=Exact", 400),
        ("resourceVersionMatch=Exact&resourceVersion=0", 400),
        ("resourceVersionMatch=Roughly&resourceVersion=1", 400),
        ("resourceVersion=x", 400),
        ("resourceVersion=0", 200),
        ("resourceVersion=1&resourceVersionMatch=NotOlderThan", 200),
        ("resourceVersion=99999", 504),
    ],
)
def test_what_a_list_is_asked_for_is_checked(shared: Served, query: str, status: int) -> None:
    assert shared.request("GET", f"{MAPS}?{query}")[0].status == status


def test_a_list_can_be_of_exactly_one_version(served: Served) -> None:
    fill(served, 2)
    version = served.request("GET", MAPS)[1]["metadata"]["resourceVersion"]
    served.request("PATCH", f"{MAPS}/m0", {"data": {"a": "b"}}, MERGE)
    served.request("DELETE", f"{MAPS}/m1")
    _, then = served.request("GET", f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert names(then) == ["m0", "m1"]
    assert "data" not in then["items"][0]


# --- deletes


def test_a_collection_is_deleted_by_selector(served: Served) -> None:
    fill(served, 2, app="web")
    make(served, MAPS, {"metadata": {"name": "other"}})
    _, gone = served.request("DELETE", f"{MAPS}?labelSelector=app%3Dweb")
    assert (gone["kind"], names(gone)) == ("ConfigMapList", ["m0", "m1"])
    assert names(served.request("GET", MAPS)[1]) == ["other"]
    assert served.request("DELETE", f"{MAPS}?dryRun=All")[0].status == 200
    assert names(served.request("GET", MAPS)[1]) == ["other"]


def test_a_delete_that_finalizers_hold_up_answers_with_the_object(served: Served) -> None:
    make(served, MAPS, {"metadata": {"name": "kept", "finalizers": ["x.io/y"]}})
    _, answer = served.request("DELETE", f"{MAPS}/kept", {"propagationPolicy": "Foreground"})
    assert answer["kind"] == "ConfigMap"
    assert answer["metadata"]["deletionTimestamp"]
    served.request("PATCH", f"{MAPS}/kept", {"metadata": {"finalizers": None}}, MERGE)
    assert served.request("GET", f"{MAPS}/kept")[0].status == 404


def test_a_delete_says_what_becomes_of_dependents(served: Served) -> None:
    for policy, left in (("Orphan", ["child"]), ("Background", []), ("Foreground", [])):
        owner = make(served, MAPS, {"metadata": {"name": "owner"}})
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
        make(served, MAPS, {"metadata": {"name": "child", "ownerReferences": [reference]}})
        served.request("DELETE", f"{MAPS}/owner", {"propagationPolicy": policy})
        assert names(served.request("GET", MAPS)[1]) == left, policy
        served.request("DELETE", MAPS)
    for wrong in ("Sideways", ["Orphan"], {"a": 1}, 3):
        response, status = served.request("DELETE", f"{MAPS}/x", {"propagationPolicy": wrong})
        assert (response.status, status["reason"]) == (422, "Invalid")


def test_a_delete_can_be_guarded_by_uid(served: Served) -> None:
    made = make(served, MAPS, {"metadata": {"name": "a"}})
    assert served.request("DELETE", f"{MAPS}/a", {"preconditions": {"uid": "other"}})[0].status == 409
    body = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert served.request("DELETE", f"{MAPS}/a", body)[0].status == 200


def test_nothing_is_made_in_a_namespace_that_is_not_there_or_about_to_go(served: Served) -> None:
    path = "/api/v1/namespaces/shop/configmaps"
    kept = {"metadata": {"name": "kept", "finalizers": ["x.io/y"]}}
    response, status = served.request("POST", path, kept)
    assert (response.status, status["message"]) == (404, 'namespaces "shop" not found')
    assert served.request("PATCH", f"{path}/kept?fieldManager=x", kept, APPLY)[0].status == 404
    make(served, "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    make(served, path, kept)
    served.request("DELETE", "/api/v1/namespaces/shop")
    response, status = served.request("POST", path, {"metadata": {"name": "late"}})
    assert (response.status, status["reason"]) == (403, "Forbidden")


# --- server-side apply


def test_server_side_apply_makes_changes_and_refuses(served: Served) -> None:
    yaml = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"
    response, made = served.request("PATCH", f"{MAPS}/a?fieldManager=anne", yaml, APPLY)
    assert (response.status, made["data"]) == (201, {"x": "1"})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}}
    response, status = served.request("PATCH", f"{MAPS}/a?fieldManager=bill", body, APPLY)
    assert (response.status, status["reason"]) == (409, "Conflict")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "anne": .data.x'
    response, taken = served.request("PATCH", f"{MAPS}/a?fieldManager=bill&force=true", body, APPLY)
    assert (response.status, taken["data"]) == (200, {"x": "2"})
    assert [entry["manager"] for entry in taken["metadata"]["managedFields"]] == ["bill"]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {"metadata": {"name": "a"}}),
        ("?fieldManager=x", {"metadata": {"name": "b"}}),
        ("?fieldManager=x", {"metadata": {"name": "a", "managedFields": [{"manager": "x"}]}}),
        ("?fieldManager=x", b"- a\n- b\n"),
        ("?fieldManager=x", b"a: [\n"),
        ("?fieldManager=x", b"metadata: {name: a}\n---\nmetadata: {name: b}\n"),
        (f"?fieldManager={'x' * 200}", {"metadata": {"name": "a"}}),
        ("?fieldManager=a%0Ab", {"metadata": {"name": "a"}}),
        ("?fieldManager=x&fieldValidation=Sometimes", {"metadata": {"name": "a"}}),
    ],
)
def test_an_apply_that_says_too_little_or_nonsense_is_refused(shared: Served, query: str, body: Any) -> None:
    assert shared.request("PATCH", f"{MAPS}/a{query}", body, APPLY)[0].status == 400
    assert shared.do(lambda store: store.get(CONFIG_MAP, "default", "a")) is None


def test_a_writer_without_a_name_is_called_by_its_program(served: Served) -> None:
    body = {"metadata": {"name": "a"}, "data": {"x": "1"}}
    response, made = served.request("POST", MAPS, body, {"User-Agent": "curl/8.0"})
    (entry,) = made["metadata"]["managedFields"]
    assert (response.status, entry["manager"], entry["operation"]) == (201, "curl", "Update")
    assert entry["fieldsV1"] == {"f:data": {"f:x": {}}}


# --- scale


def test_a_deployment_is_scaled_through_its_scale(served: Served) -> None:
    deploy(served)
    _, scale = served.request("GET", f"{WEB}/scale")
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 2})
    assert scale["status"]["selector"] == "app=web,tier=a"
    scale["spec"]["replicas"] = 5
    response, scaled = served.request("PUT", f"{WEB}/scale", scale)
    assert (response.status, scaled["spec"]) == (200, {"replicas": 5})
    assert served.request("PUT", f"{WEB}/scale", scale)[0].status == 409
    served.request("PATCH", f"{WEB}/scale", {"spec": {"replicas": 0}}, MERGE)
    operation = [{"op": "test", "path": "/spec/replicas", "value": 0}]
    assert served.request("PATCH", f"{WEB}/scale", operation, JSON_PATCH)[0].status == 200
    live = served.request("GET", WEB)[1]
    assert (live["spec"]["replicas"], live["metadata"]["generation"]) == (0, 3)


@pytest.mark.parametrize("replicas", [-1, "3", 1.5, True])
def test_a_scale_that_is_no_number_is_refused(served: Served, replicas: Any) -> None:
    deploy(served)
    assert served.request("PATCH", f"{WEB}/scale", {"spec": {"replicas": replicas}}, MERGE)[0].status == 422


@pytest.mark.parametrize("scale", [{"spec": [1]}, {"spec": 1}, {"spec": {"replicas": 1}, "metadata": "x"}])
def test_what_is_no_scale_is_refused(served: Served, scale: Any) -> None:
    deploy(served)
    assert served.request("PUT", f"{WEB}/scale", scale)[0].status == 422


def test_what_cannot_be_scaled_has_no_scale(shared: Served) -> None:
    assert shared.request("GET", f"{CORE}/services/a/scale")[0].status == 404
    assert shared.request("GET", f"{WEB}/scale")[0].status == 404
    assert shared.request("DELETE", f"{WEB}/scale")[0].status == 405


# --- conflicts


def test_json_patches_guarded_by_the_version_do_not_overwrite_each_other(served: Served) -> None:
    made = make(served, MAPS, {"metadata": {"name": "a"}, "data": {"n": "0"}})
    version = made["metadata"]["resourceVersion"]
    guard = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
    patch = [guard, {"op": "replace", "path": "/data/n", "value": "1"}]
    assert served.request("PATCH", f"{MAPS}/a", patch, JSON_PATCH)[0].status == 200
    assert served.request("PATCH", f"{MAPS}/a", patch, JSON_PATCH)[0].status == 409


def test_field_selectors_find_by_name_and_namespace(served: Served) -> None:
    fill(served, 3)
    selector = quote("metadata.name=m1,metadata.namespace=default")
    assert names(served.request("GET", f"/api/v1/configmaps?fieldSelector={selector}")[1]) == ["m1"]


def test_an_object_made_of_another_version_of_its_kind_is_the_same(served: Served) -> None:
    path = "/apis/networking.istio.io/{}/namespaces/default/virtualservices/cluster?fieldManager=x"
    body = {**virtual_service(), "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService"}
    assert served.request("PATCH", path.format("v1beta1"), body, APPLY)[0].status == 201
    body["apiVersion"] = "networking.istio.io/v1"
    response, same = served.request("PATCH", path.format("v1"), body, APPLY)
    assert (response.status, same["apiVersion"]) == (200, "networking.istio.io/v1")


# --- strictness


@pytest.mark.parametrize(
    ("strictness", "status", "warned"),
    [("", 201, True), ("Warn", 201, True), ("Ignore", 201, False), ("Strict", 400, False), ("Sometimes", 400, False)],
)
def test_a_field_that_nobody_knows_is_refused_told_or_ignored(
    served: Served, strictness: str, status: int, *, warned: bool
) -> None:
    path = f"/apis/networking.istio.io/v1/namespaces/default/virtualservices?fieldValidation={strictness}"
    response, answer = served.request("POST", path, virtual_service(misspelt=1))
    assert response.status == status
    assert (response.headers.get("Warning") is not None) == warned
    if strictness == "Strict":
        assert answer["message"].endswith("strict decoding error: spec.misspelt: unknown [TNO019]")


def test_a_field_given_twice_is_refused_where_that_matters(served: Served) -> None:
    body = b'{"metadata": {"name": "a"}, "data": {"x": "1", "x": "2"}}'
    response, status = served.request("POST", f"{MAPS}?fieldValidation=Strict", body)
    assert response.status == 400
    assert "duplicate field 'x'" in status["message"]
    assert served.request("POST", MAPS, body)[1]["data"] == {"x": "2"}
