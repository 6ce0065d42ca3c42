"""The resource API over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.apiserver.samples import Served, virtual_service

from turnout.apiserver.store import Change

ISTIO = "/apis/networking.istio.io"
COLLECTION = f"{ISTIO}/v1/namespaces/default/virtualservices"
ONE = f"{COLLECTION}/cluster"
MERGE = {"Content-Type": "application/merge-patch+json"}


def make(served: Served, **spec: Any) -> Any:
    response, made = served.request("POST", COLLECTION, virtual_service(**spec))
    assert response.status == 201, made
    return made


def test_an_object_lives_from_post_to_delete(served: Served) -> None:
    made = make(served)
    assert served.request("GET", ONE)[1] == made
    response, replaced = served.request("PUT", ONE, made | {"spec": {"hosts": ["b"]}})
    assert (response.status, replaced["metadata"]["generation"]) == (200, 2)
    response, patched = served.request("PATCH", ONE, {"spec": {"gateways": ["g"]}}, MERGE)
    assert (response.status, patched["spec"]) == (200, {"hosts": ["b"], "gateways": ["g"]})
    response, status = served.request("DELETE", ONE)
    assert (status["kind"], status["status"]) == ("Status", "Success")
    assert status["details"] == {
        "name": "cluster",
        "kind": "virtualservices",
        "group": "networking.istio.io",
        "uid": made["metadata"]["uid"],
    }
    response, status = served.request("GET", ONE)
    assert (response.status, status["reason"], status["code"]) == (404, "NotFound", 404)


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_every_version_of_a_kind_serves_the_same_object(served: Served, version: str) -> None:
    make(served)
    path = f"{ISTIO}/{version}/namespaces/default/virtualservices"
    obj = served.request("GET", f"{path}/cluster")[1]
    assert (obj["apiVersion"], obj["spec"]) == (f"networking.istio.io/{version}", {"hosts": ["a"]})
    listed = served.request("GET", path)[1]
    assert listed["items"][0]["apiVersion"] == f"networking.istio.io/{version}"
    _, patched = served.request("PATCH", f"{path}/cluster", {"spec": {"hosts": ["b"]}}, MERGE)
    assert patched["apiVersion"] == f"networking.istio.io/{version}"


def test_lists_are_of_a_namespace_or_of_all(served: Served) -> None:
    served.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    for namespace in ("default", "shop"):
        served.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "a"}})
    listed = served.request("GET", "/api/v1/serviceaccounts")[1]
    assert (listed["kind"], listed["apiVersion"], len(listed["items"])) == ("ServiceAccountList", "v1", 2)
    assert listed["metadata"]["resourceVersion"] == str(served.do(lambda store: store.revision))
    assert len(served.request("GET", "/api/v1/namespaces/shop/serviceaccounts")[1]["items"]) == 1


def test_namespaces_are_objects_themselves(served: Served) -> None:
    assert served.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})[0].status == 201
    assert served.request("GET", "/api/v1/namespaces/shop")[1]["metadata"]["name"] == "shop"
    response, _ = served.request("PATCH", "/api/v1/namespaces/shop/status", {"status": {"phase": "Active"}}, MERGE)
    assert response.status == 200
    assert served.request("GET", "/api/v1/namespaces")[1]["items"][0]["status"] == {"phase": "Active"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("labelSelector=app%3Da", {"one"}),
        ("labelSelector=app%3D%3Da,tier", {"one"}),
        ("labelSelector=app!%3Da", {"two", "three"}),
        ("labelSelector=app+in+(a,b)", {"one", "two"}),
        ("labelSelector=app+notin+(a,+b),!tier", {"three"}),
        ("labelSelector=tier", {"one"}),
        ("fieldSelector=metadata.name%3Dtwo", {"two"}),
        ("fieldSelector=metadata.name!%3Dtwo,metadata.namespace%3Ddefault", {"one", "three"}),
        ("fieldSelector=status.phase%3D", {"one", "two", "three"}),
        ("labelSelector=", {"one", "two", "three"}),
    ],
)
def test_lists_are_selected_by_labels_and_fields(served: Served, query: str, names: set[str]) -> None:
    for name, labels in {"one": {"app": "a", "tier": "web"}, "two": {"app": "b"}, "three": {}}.items():
        account = {"metadata": {"name": name, "labels": labels}}
        served.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)
    listed = served.request("GET", f"/api/v1/serviceaccounts?{query}")[1]
    assert {item["metadata"]["name"] for item in listed["items"]} == names


@pytest.mark.parametrize(
    "query", ["labelSelector=a+b", "labelSelector=a%3Db,", "labelSelector=in+(", "fieldSelector=a"]
)
def test_a_selector_that_cannot_be_read_is_refused(shared: Served, query: str) -> None:
    assert shared.request("GET", f"/api/v1/pods?{query}")[0].status == 400


def test_writing_an_old_version_is_a_conflict(served: Served) -> None:
    made = make(served)
    served.request("PATCH", ONE, {"spec": {"hosts": ["b"]}}, MERGE)
    response, status = served.request("PUT", ONE, made)
    assert (response.status, status["reason"]) == (409, "Conflict")


def test_what_admission_refuses_is_422_with_the_field_and_the_hint(served: Served) -> None:
    response, status = served.request("POST", COLLECTION, virtual_service(error="no"))
    assert (response.status, status["reason"]) == (422, "Invalid")
    assert "(hint: try again)" in status["message"]
    assert status["details"]["causes"][0]["field"] == "spec.http[0]"


def test_what_admission_warns_of_is_a_warning_header(served: Served) -> None:
    response, _ = served.request("POST", COLLECTION, virtual_service(warning='a "quoted" “text”\r\nX-Evil: 1'))
    (warning,) = response.headers.get_all("Warning", [])
    text = warning.encode("latin-1").decode()
    assert text == '299 - "a \\"quoted\\" “text”  X-Evil: 1 (hint: try again) [TNO999]"'
    assert "X-Evil" not in response.headers


def test_a_dry_run_changes_nothing(served: Served) -> None:
    response, _ = served.request("POST", f"{COLLECTION}?dryRun=All", virtual_service())
    assert response.status == 201
    assert served.request("GET", ONE)[0].status == 404
    make(served)
    response, patched = served.request("PATCH", f"{ONE}?dryRun=All", {"spec": {"hosts": ["b"]}}, MERGE)
    assert patched["spec"] == {"hosts": ["b"]}
    served.request("DELETE", f"{ONE}?dryRun=All")
    served.request("DELETE", ONE, {"dryRun": ["All"]})
    assert served.request("GET", ONE)[1]["spec"] == {"hosts": ["a"]}
    assert served.request("DELETE", f"{ONE}?dryRun=Some")[0].status == 400


def test_the_status_is_a_resource_of_its_own(served: Served) -> None:
    made = make(served)
    response, patched = served.request("PATCH", f"{ONE}/status", {"status": {"a": 1}, "spec": {}}, MERGE)
    assert (response.status, patched["status"], patched["spec"]) == (200, {"a": 1}, made["spec"])
    patched["status"] = {"b": 2}
    assert served.request("PUT", f"{ONE}/status", patched)[1]["status"] == {"b": 2}
    assert served.request("GET", f"{ONE}/status")[1]["status"] == {"b": 2}
    assert served.request("DELETE", f"{ONE}/status")[0].status == 405


def test_patches_say_their_type_and_istio_kinds_take_no_strategic_ones(served: Served) -> None:
    make(served)
    operations = [{"op": "replace", "path": "/spec/hosts", "value": ["b"]}]
    response, patched = served.request("PATCH", ONE, operations, {"Content-Type": "application/json-patch+json"})
    assert (response.status, patched["spec"]) == (200, {"hosts": ["b"]})
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    assert served.request("PATCH", ONE, {}, strategic)[0].status == 415
    served.request("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "web"}})
    assert served.request("PATCH", "/api/v1/namespaces/default/services/web", {}, strategic)[0].status == 200


def test_writes_of_one_change_carry_its_id(served: Served) -> None:
    start = served.do(lambda store: store.revision)
    response, _ = served.request("POST", COLLECTION, virtual_service(), {"X-Turnout-Change": "c-1/2"})
    assert response.status == 201
    (event,) = served.do(lambda store: store.events_after(start))
    assert event.change == Change("c-1", 2)
    for wrong in ("c-1", "c-1/0", "c 1/2", "/2", "c/1/2"):
        assert served.request("DELETE", ONE, None, {"X-Turnout-Change": wrong})[0].status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v2", 404),
        ("GET", "/api/v1/nonsense", 404),
        ("GET", "/api/v1/", 404),
        ("GET", "/api/v1/pods/a", 404),
        ("GET", "/api/v1/namespaces/default/pods/a/log", 404),
        ("GET", "/api/v1/namespaces/default/namespaces/a", 404),
        ("GET", "/api/v1/namespaces/default/pods/", 404),
        ("GET", "/api/v1/namespaces/default/pods/..%2f..%2fetc", 404),
        ("GET", "/api/v1/namespaces/../../../../etc/passwd", 404),
        ("GET", "/apis/networking.istio.io/v9/virtualservices", 404),
        ("GET", "/apis/nonsense", 404),
        ("GET", "/turnout/v1/nonsense", 404),
        ("GET", "/turnout/v1/../../etc/passwd", 404),
        ("POST", "/api/v1/namespaces/default/pods/a", 405),
        ("DELETE", "/api/v1/pods", 405),
        ("DELETE", "/healthz", 405),
        ("POST", "/api/v1/secrets", 400),
    ],
)
def test_a_path_or_method_that_does_not_exist_is_a_status_too(
    shared: Served, method: str, path: str, status: int
) -> None:
    response, answer = shared.request(method, path, {"metadata": {"name": "a"}} if method == "POST" else None)
    assert (response.status, answer["kind"], answer["code"]) == (status, "Status", status)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"metadata": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'{"metadata": {"name": "cluster", "namespace": "other"}}',
        b'{"metadata": []}',
        b'{"kind": "Pod", "metadata": {"name": "cluster"}}',
    ],
)
def test_a_body_that_is_no_such_object_is_refused(shared: Served, body: bytes) -> None:
    response, answer = shared.request("POST", COLLECTION, body)
    assert (response.status, answer["reason"]) == (400, "BadRequest")


def test_a_body_of_another_media_type_is_refused(served: Served) -> None:
    headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    assert served.request("POST", COLLECTION, b"k8s", headers)[0].status == 415


def test_a_body_over_3_mib_is_refused_whether_or_not_its_length_is_said(served: Served) -> None:
    large = json.dumps(virtual_service(hosts=["x" * (3 << 20)])).encode()
    assert served.request("POST", COLLECTION, large)[0].status == 413
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large)
    assert served.request("POST", COLLECTION, chunked, {"Transfer-Encoding": "chunked"})[0].status == 413


def test_an_object_of_odd_texts_comes_back_as_it_was(served: Served) -> None:
    texts = ["ä€😀", "\ud800", "\x00", "<script>", "\u2028"]
    make(served, hosts=texts)
    assert served.request("GET", ONE)[1]["spec"]["hosts"] == texts


def test_discovery_names_groups_versions_and_resources(served: Served) -> None:
    assert served.request("GET", "/api")[1]["versions"] == ["v1"]
    groups = {group["name"]: group for group in served.request("GET", "/apis")[1]["groups"]}
    assert groups.keys() >= {"apps", "networking.istio.io", "gateway.networking.k8s.io", "turnout.dev"}
    assert groups["networking.istio.io"]["preferredVersion"]["groupVersion"] == "networking.istio.io/v1"
    assert served.request("GET", "/apis/apps")[1]["kind"] == "APIGroup"
    resources = served.request("GET", f"{ISTIO}/v1beta1")[1]
    assert resources["groupVersion"] == "networking.istio.io/v1beta1"
    entry = next(item for item in resources["resources"] if item["name"] == "virtualservices")
    assert (entry["kind"], entry["namespaced"], entry["shortNames"]) == ("VirtualService", True, ["vs"])
    assert served.request("GET", "/api/v1")[1]["resources"][0]["name"] == "namespaces"
    assert served.request("GET", "/version")[1]["major"] == "1"
    for place in served.request("GET", "/openapi/v3")[1]["paths"]:
        assert served.request("GET", f"/openapi/v3/{place}")[1]["openapi"] == "3.0.0"
    assert served.request("GET", "/openapi/v3/apis/nonsense/v1")[0].status == 404
    assert served.request("GET", "/healthz")[1] == "ok"


def test_views_answer_with_json_or_with_lines(served: Served) -> None:
    assert served.request("GET", "/turnout/v1/echo?a=1&b=x%20y")[1] == {
        "method": "GET",
        "query": {"a": "1", "b": "x y"},
        "body": None,
    }
    assert served.request("POST", "/turnout/v1/echo", {"do": "it"})[1]["body"] == {"do": "it"}
    response, text = served.request("GET", "/turnout/v1/count?to=3")
    assert (response.headers["Content-Type"], text) == ("text/plain; charset=utf-8", "line 0\nline 1\nline 2\n")
    assert served.request("DELETE", "/turnout/v1/echo")[0].status == 405


def test_a_view_has_what_is_below_it_only_if_it_says_so(served: Served) -> None:
    assert served.request("GET", "/turnout/v1/echo/a/b")[1] == "a/b"
    assert served.request("GET", "/turnout/v1/count/a")[0].status == 404


def test_a_view_that_fails_answers_with_what_is_wrong_and_what_to_do(served: Served) -> None:
    response, status = served.request("POST", "/turnout/v1/refuse", {})
    assert (response.status, status["message"]) == (500, "port 80 is taken (hint: stop it)")


def test_a_bug_in_a_view_is_a_500_that_tells_no_details(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    response, status = served.request("GET", "/turnout/v1/crash")
    assert (response.status, status["message"]) == (500, "a bug in Turnout: ZeroDivisionError")
    served.stop()  # the log follows the answer
    assert "a secret detail" in caplog.text
