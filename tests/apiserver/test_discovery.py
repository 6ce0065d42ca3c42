"""What the API offers: told group by group, and all at once, the same both ways."""

from __future__ import annotations

from typing import Any

import pytest
from tests.apiserver.samples import Served

from turnout.apiserver import discovery
from turnout.resources.kinds import DEPLOYMENT, KINDS, POD, REPLICA_SET, VIRTUAL_SERVICE

AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"}
PODS = "/api/v1/namespaces/default/pods"


def test_both_ways_of_discovery_tell_the_same() -> None:
    for core in (True, False):
        for group in discovery.aggregated(core=core)["items"]:
            for version in group["versions"]:
                listed = discovery.resources(group["metadata"].get("name", ""), version["version"])
                assert listed is not None
                singly = {entry["name"]: entry["verbs"] for entry in listed["resources"]}
                assert dict(_described(version["resources"])) == singly


def _described(resources: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    found = []
    for one in resources:
        found.append((one["resource"], one["verbs"]))
        found += [(f"{one['resource']}/{part['subresource']}", part["verbs"]) for part in one.get("subresources", ())]
    return found


def test_all_groups_come_in_one_answer_to_who_can_read_it(shared: Served) -> None:
    response, found = shared.request("GET", "/apis", headers=AGGREGATED)
    assert response.headers["content-type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    istio = next(group for group in found["items"] if group["metadata"]["name"] == "networking.istio.io")
    assert [version["version"] for version in istio["versions"]] == ["v1", "v1beta1", "v1alpha3"]
    _, core = shared.request("GET", "/api", headers=AGGREGATED)
    pods = next(one for one in core["items"][0]["versions"][0]["resources"] if one["resource"] == "pods")
    assert (pods["shortNames"], pods["categories"], pods["scope"]) == (["po"], ["all"], "Namespaced")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_each_kind_can_be_read_and_what_somebody_else_writes_be_written(kind: Any) -> None:
    assert {"get", "list", "watch"} <= set(discovery.verbs(kind))
    assert ("create" in discovery.verbs(kind)) == (kind.use != "reported")


def test_what_turnout_writes_is_refused_with_the_reason(shared: Served) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    for method, path in (("POST", PODS), ("PUT", f"{PODS}/a"), ("PATCH", f"{PODS}/a"), ("PATCH", f"{PODS}/a/status")):
        response, status = shared.request(method, path, pod)
        assert (response.status, status["reason"]) == (403, "Forbidden")
        assert "create or change a Deployment" in status["message"]
    response, _ = shared.request("DELETE", "/apis/apps/v1/namespaces/default/replicasets/a")
    assert response.status == 403
    assert shared.request("DELETE", f"{PODS}/a")[0].status == 404, "a Pod that is there could be deleted"


def test_the_one_user_is_told_who_it_is_and_what_it_may_do(shared: Served) -> None:
    _, answer = shared.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"kind": "x"})
    assert answer["status"]["userInfo"]["username"] == "turnout"
    allowed = {
        kind: _may_create(shared, kind.group, kind.plural) for kind in (VIRTUAL_SERVICE, DEPLOYMENT, POD, REPLICA_SET)
    }
    assert allowed == {VIRTUAL_SERVICE: True, DEPLOYMENT: True, POD: False, REPLICA_SET: False}
    response, _ = shared.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", [1])
    assert response.status == 400


def _may_create(served: Served, group: str, plural: str) -> bool:
    spec = {"resourceAttributes": {"verb": "create", "group": group, "resource": plural}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(served.request("POST", path, {"spec": spec})[1]["status"]["allowed"])
