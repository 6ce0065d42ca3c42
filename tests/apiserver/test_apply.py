"""Server-side apply, asked of the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.apiserver.samples import virtual_service

from turnout.apiserver.ownership import Author
from turnout.apiserver.patch import Patch
from turnout.apiserver.status import StatusError
from turnout.apiserver.store import Store
from turnout.resources.kinds import DEPLOYMENT, KUBERNETES_GATEWAY, SERVICE, VIRTUAL_SERVICE, Kind

ANNE, BILL = Author("anne", "v1"), Author("bill", "v1")
Object = dict[str, Any]


def deployment(*containers: Object, **spec: Any) -> Object:
    template = {"spec": {"containers": list(containers)}}
    return {"metadata": {"name": "web"}, "spec": {**spec, **({"template": template} if containers else {})}}


def containers(obj: Object) -> Any:
    return obj["spec"]["template"]["spec"]["containers"]


def owned(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Who, and how → the fields, as FieldsV1."""
    return {f"{e['manager']} {e['operation']}": e["fieldsV1"] for e in obj["metadata"].get("managedFields", ())}


def refused(store: Store, kind: Kind, config: Object, author: Author) -> StatusError:
    with pytest.raises(StatusError) as raised:
        store.apply(kind, config, author)
    assert (raised.value.status, raised.value.reason) == (409, "Conflict")
    return raised.value


def test_applying_what_is_not_there_makes_it_and_owns_it(store: Store) -> None:
    made = store.apply(VIRTUAL_SERVICE, virtual_service(), ANNE)
    assert made["spec"] == {"hosts": ["a"]}
    assert owned(made) == {"anne Apply": {"f:spec": {"f:hosts": {}}}}


def test_applying_the_same_again_changes_nothing(store: Store) -> None:
    made = store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=2), ANNE)
    assert store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=2), ANNE) == made


def test_two_managers_share_an_object_and_each_has_its_fields(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}), ANNE)
    both = store.apply(DEPLOYMENT, deployment(replicas=3), BILL)
    assert both["spec"]["replicas"] == 3
    assert containers(both) == [{"name": "a", "image": "x"}]
    assert owned(both)["bill Apply"] == {"f:spec": {"f:replicas": {}}}


def test_what_another_manager_owns_is_a_conflict_that_names_manager_and_field(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=1), ANNE)
    error = refused(store, DEPLOYMENT, deployment({"name": "a", "image": "y"}, replicas=2), BILL)
    assert 'Apply failed with 2 conflicts: conflict with "anne": .spec.replicas' in error.message
    fields = {cause["field"] for cause in error.details["causes"]}
    assert fields == {".spec.replicas", '.spec.template.spec.containers[name="a"].image'}
    assert {cause["reason"] for cause in error.details["causes"]} == {"FieldManagerConflict"}


def test_force_takes_the_field_from_its_owner(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment(replicas=1), ANNE)
    taken = store.apply(DEPLOYMENT, deployment(replicas=2), BILL, force=True)
    assert taken["spec"]["replicas"] == 2
    assert list(owned(taken)) == ["bill Apply"]


def test_the_same_value_is_owned_by_both_and_goes_only_when_both_let_go(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment(replicas=1), ANNE)
    store.apply(DEPLOYMENT, deployment(replicas=1), BILL)
    assert store.apply(DEPLOYMENT, deployment(), ANNE)["spec"] == {"replicas": 1}
    assert store.apply(DEPLOYMENT, deployment(), BILL)["spec"] == {}


def test_what_a_manager_says_no_more_goes(store: Store) -> None:
    anne = deployment({"name": "a", "image": "x", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    store.apply(DEPLOYMENT, {**anne, "metadata": {"name": "web", "labels": {"x": "y"}}}, ANNE)
    store.apply(DEPLOYMENT, deployment({"name": "b", "image": "y"}), BILL)
    left = store.apply(DEPLOYMENT, deployment({"name": "a", "env": [{"name": "B", "value": "2"}]}), ANNE)
    assert containers(left) == [{"name": "a", "env": [{"name": "B", "value": "2"}]}, {"name": "b", "image": "y"}]
    assert "labels" not in left["metadata"]


def test_an_item_that_another_manager_adds_to_keeps_its_name(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=1), ANNE)
    store.apply(DEPLOYMENT, deployment({"name": "a", "command": ["run"]}), BILL)
    left = store.apply(DEPLOYMENT, deployment(replicas=1), ANNE)
    assert containers(left) == [{"name": "a", "command": ["run"]}]


def test_lists_of_custom_resources_are_one_value(store: Store) -> None:
    store.apply(VIRTUAL_SERVICE, virtual_service(hosts=["a"], http=[{"name": "x"}, {"name": "y"}]), ANNE)
    error = refused(store, VIRTUAL_SERVICE, virtual_service(http=[{"name": "x"}]), BILL)
    assert ".spec.http" in error.message
    done = store.apply(VIRTUAL_SERVICE, virtual_service(http=[{"name": "x"}]), BILL, force=True)
    assert done["spec"] == {"hosts": ["a"], "http": [{"name": "x"}]}


def test_ports_of_a_service_are_told_apart_by_port_and_protocol(store: Store) -> None:
    first, second = {"port": 80, "name": "http"}, {"port": 80, "protocol": "UDP", "name": "quic"}
    store.apply(SERVICE, {"metadata": {"name": "s"}, "spec": {"ports": [first], "selector": {"a": "b"}}}, ANNE)
    both = store.apply(SERVICE, {"metadata": {"name": "s"}, "spec": {"ports": [second]}}, BILL)
    assert both["spec"] == {"ports": [first, second], "selector": {"a": "b"}}


def test_listeners_of_a_gateway_api_gateway_are_told_apart_by_name(store: Store) -> None:
    def gateway(*listeners: Object) -> Object:
        return {"metadata": {"name": "g"}, "spec": {"listeners": list(listeners)}}

    store.apply(KUBERNETES_GATEWAY, gateway({"name": "a", "port": 80}), ANNE)
    both = store.apply(KUBERNETES_GATEWAY, gateway({"name": "b", "port": 81}), BILL)
    assert [listener["name"] for listener in both["spec"]["listeners"]] == ["a", "b"]


def test_an_update_takes_the_fields_that_it_changes(store: Store) -> None:
    store.apply(DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=1), ANNE)
    patch = Patch("merge", {"spec": {"replicas": 5}})
    patched = store.patch(DEPLOYMENT, "default", "web", patch, author=BILL)
    assert owned(patched)["bill Update"] == {"f:spec": {"f:replicas": {}}}
    error = refused(store, DEPLOYMENT, deployment({"name": "a", "image": "x"}, replicas=1), ANNE)
    assert 'conflict with "bill" using v1: .spec.replicas' in error.message


def test_what_came_from_files_is_owned_by_turnout(store: Store) -> None:
    store.create(DEPLOYMENT, deployment(replicas=1))
    error = refused(store, DEPLOYMENT, deployment(replicas=2), ANNE)
    assert 'conflict with "turnout"' in error.message
    assert "managedFields" not in store.list(DEPLOYMENT)[0]["metadata"]


def test_what_turnout_writes_into_an_applied_object_is_its_own_from_then_on(store: Store) -> None:
    store.apply(VIRTUAL_SERVICE, virtual_service(), ANNE)
    store.patch(VIRTUAL_SERVICE, "default", "cluster", Patch("merge", {"spec": {"hosts": ["b"]}}))
    assert 'conflict with "turnout"' in refused(store, VIRTUAL_SERVICE, virtual_service(), ANNE).message


def test_the_status_is_applied_apart_from_the_rest(store: Store) -> None:
    store.apply(VIRTUAL_SERVICE, virtual_service(), ANNE)
    status = {"metadata": {"name": "cluster"}, "status": {"phase": "ready"}, "spec": {"hosts": ["z"]}}
    told = store.apply(VIRTUAL_SERVICE, status, BILL, status=True)
    assert (told["spec"], told["status"]) == ({"hosts": ["a"]}, {"phase": "ready"})
    assert told["metadata"]["managedFields"][1]["subresource"] == "status"
    kept = store.apply(VIRTUAL_SERVICE, {**virtual_service(hosts=["b"]), "status": {"phase": "mine"}}, ANNE)
    assert (kept["spec"], kept["status"]) == ({"hosts": ["b"]}, {"phase": "ready"})


def test_a_dry_run_tells_of_conflicts_and_writes_nothing(store: Store) -> None:
    made = store.apply(DEPLOYMENT, deployment(replicas=1), ANNE)
    with pytest.raises(StatusError):
        store.apply(DEPLOYMENT, deployment(replicas=2), BILL, dry_run=True)
    assert store.apply(DEPLOYMENT, deployment(replicas=2), BILL, dry_run=True, force=True)["spec"] == {"replicas": 2}
    assert store.get(DEPLOYMENT, "default", "web") == made


def test_managed_fields_can_be_forgotten_and_handed_over(store: Store) -> None:
    """As kubectl does that takes over what it once applied by itself."""
    made = store.create(DEPLOYMENT, deployment(replicas=1), author=ANNE)
    entries = [{**made["metadata"]["managedFields"][0], "manager": "bill", "operation": "Apply"}]
    hand_over = Patch("json", [{"op": "replace", "path": "/metadata/managedFields", "value": entries}])
    assert list(owned(store.patch(DEPLOYMENT, "default", "web", hand_over, author=ANNE))) == ["bill Apply"]
    forget = Patch("merge", {"metadata": {"managedFields": [{}]}})
    assert owned(store.patch(DEPLOYMENT, "default", "web", forget, author=ANNE)) == {}


def test_only_so_many_updaters_are_told_apart(store: Store) -> None:
    store.create(DEPLOYMENT, deployment(replicas=1), author=ANNE)
    for number in range(20):
        patch = Patch("merge", {"spec": {f"field{number}": number}})
        store.patch(DEPLOYMENT, "default", "web", patch, author=Author(f"writer-{number}", "v1"))
    live = store.list(DEPLOYMENT)[0]
    assert len(owned(live)) == 11
    assert "ancient-changes Update" in owned(live)


@pytest.mark.parametrize(
    "entries",
    [
        [{"operation": "Nonsense"}],
        [{"manager": "x"}],
        [{"operation": "Apply", "apiVersion": "v1", "fieldsV1": 3}],
        [{"operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": {"k:nonsense": {}}}}],
        [{"operation": "Apply", "apiVersion": "v1", "fieldsV1": {"f:spec": {"k:[]": {}}}}],
        [{"operation": "Apply", "apiVersion": "v1", "fieldsV1": {"spec": {}}}],
    ],
)
def test_managed_fields_that_nobody_can_read_change_nothing(store: Store, entries: Any) -> None:
    made = store.apply(DEPLOYMENT, deployment(replicas=1), ANNE)
    patch = Patch("merge", {"metadata": {"managedFields": entries}})
    assert store.patch(DEPLOYMENT, "default", "web", patch, author=BILL) == made
