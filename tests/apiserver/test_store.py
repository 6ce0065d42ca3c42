from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import open_store, virtual_service

from turnout.apiserver import history
from turnout.apiserver.status import StatusError
from turnout.apiserver.store import Change, Event, Patch, Store
from turnout.database import Database
from turnout.error import StateBroken
from turnout.resources.kinds import DEPLOYMENT, NAMESPACE, POD, VIRTUAL_SERVICE


def refused(status: int, call: Callable[[], Any]) -> StatusError:
    with pytest.raises(StatusError) as raised:
        call()
    assert raised.value.status == status, raised.value.message
    return raised.value


def merge(store: Store, body: Any, **options: Any) -> dict[str, Any]:
    return store.patch(VIRTUAL_SERVICE, "default", "cluster", Patch("merge", body), **options)


@pytest.fixture
def made(store: Store) -> dict[str, Any]:
    return store.create(VIRTUAL_SERVICE, virtual_service())


def test_a_new_object_gets_its_identity_from_the_server(store: Store) -> None:
    obj = virtual_service() | {"status": {"mine": True}, "apiVersion": "networking.istio.io/v1beta1"}
    obj["metadata"] |= {"uid": "mine", "resourceVersion": "77", "generation": 9, "managedFields": []}
    made = store.create(VIRTUAL_SERVICE, obj)
    metadata = made["metadata"]
    assert (made["apiVersion"], made["kind"]) == ("networking.istio.io/v1", "VirtualService")
    assert metadata["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert (metadata["generation"], metadata["resourceVersion"]) == (1, str(store.revision))
    assert metadata["uid"] != "mine"
    assert "status" not in made
    assert "managedFields" not in metadata


def test_a_namespaced_object_without_a_namespace_lands_in_default(store: Store) -> None:
    made = store.create(VIRTUAL_SERVICE, {"metadata": {"name": "a"}})
    assert made["metadata"]["namespace"] == "default"


def test_a_cluster_wide_object_has_no_namespace(store: Store) -> None:
    store.create(NAMESPACE, {"metadata": {"name": "shop", "namespace": "nonsense"}})
    assert store.get(NAMESPACE, "", "shop") is not None


def test_creating_twice_is_refused(store: Store, made: dict[str, Any]) -> None:
    error = refused(409, lambda: store.create(VIRTUAL_SERVICE, virtual_service()))
    assert error.reason == "AlreadyExists"
    assert error.message == 'virtualservices.networking.istio.io "cluster" already exists'


def test_a_generated_name_starts_as_asked(store: Store) -> None:
    made = store.create(POD, {"metadata": {"generateName": "web-"}})
    assert made["metadata"]["name"].startswith("web-")


@pytest.mark.parametrize(
    "name", ["", None, "..", "a/b", "../../etc/passwd", "A", "a_b", "-a", "a" * 254, "a\n", 3, "ä"]
)
def test_a_name_that_could_be_a_path_is_refused(store: Store, name: Any) -> None:
    error = refused(422, lambda: store.create(POD, {"metadata": {"name": name}}))
    assert error.details["causes"][0]["field"] == "metadata.name"


@pytest.mark.parametrize(
    "metadata",
    [
        {"namespace": "a.b"},
        {"namespace": "../x"},
        {"labels": {"a": 1}},
        {"annotations": ["a"]},
        {"resourceVersion": 3},
    ],
)
def test_metadata_of_the_wrong_shape_is_refused(store: Store, metadata: dict[str, Any]) -> None:
    refused(422, lambda: store.create(POD, {"metadata": {"name": "a", **metadata}}))


@pytest.mark.parametrize("obj", [{}, {"metadata": None}, {"metadata": []}])
def test_an_object_without_metadata_is_refused(store: Store, obj: dict[str, Any]) -> None:
    refused(422, lambda: store.create(POD, obj))


def test_another_kind_than_the_paths_is_refused(store: Store) -> None:
    refused(400, lambda: store.create(POD, {"kind": "Service", "metadata": {"name": "a"}}))
    refused(400, lambda: store.create(POD, {"apiVersion": "v2", "metadata": {"name": "a"}}))


def test_an_object_nested_too_deeply_or_too_large_is_refused(store: Store) -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = [deep]
    refused(400, lambda: store.create(POD, {"metadata": {"name": "a"}, "spec": deep}))
    refused(413, lambda: store.create(POD, {"metadata": {"name": "a"}, "spec": "x" * (3 << 20)}))
    refused(400, lambda: store.create(POD, {"metadata": {"name": "a"}, "spec": float("nan")}))


def test_an_error_of_admission_refuses_the_object_and_says_where_and_what_to_do(store: Store) -> None:
    error = refused(422, lambda: store.create(VIRTUAL_SERVICE, virtual_service(error="weights are negative")))
    assert error.message == (
        'VirtualService.networking.istio.io "cluster" is invalid: '
        "spec.http[0]: weights are negative (hint: try again) [TNO999]"
    )
    (cause,) = error.details["causes"]
    assert cause["field"] == "spec.http[0]"
    assert store.list(VIRTUAL_SERVICE) == []


def test_a_warning_of_admission_lets_the_object_pass_and_is_kept(store: Store) -> None:
    store.create(VIRTUAL_SERVICE, virtual_service(warning="odd"))
    assert [problem.message for problem in store.warnings] == ["odd"]
    store.delete(VIRTUAL_SERVICE, "default", "cluster")
    assert store.warnings == ()


def test_the_generation_counts_changes_of_the_content_only(store: Store, made: dict[str, Any]) -> None:
    assert merge(store, {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    assert merge(store, {"spec": {"hosts": ["b"]}})["metadata"]["generation"] == 2
    store.write_status(VIRTUAL_SERVICE, "default", "cluster", {"ok": True})
    assert merge(store, {"metadata": {"generation": 70}})["metadata"]["generation"] == 2


def test_a_write_that_changes_nothing_is_no_event(store: Store, made: dict[str, Any]) -> None:
    events: list[Event] = []
    store.subscribe(events.append)
    assert merge(store, {"spec": {"hosts": ["a"]}}) == made
    assert store.replace(VIRTUAL_SERVICE, made) == made
    store.write_status(VIRTUAL_SERVICE, "default", "cluster", {})
    assert (events, store.revision) == ([], int(made["metadata"]["resourceVersion"]))


def test_replacing_an_older_version_is_a_conflict(store: Store, made: dict[str, Any]) -> None:
    merge(store, {"spec": {"hosts": ["b"]}})
    error = refused(409, lambda: store.replace(VIRTUAL_SERVICE, made | {"spec": {"hosts": ["c"]}}))
    assert error.reason == "Conflict"
    del made["metadata"]["resourceVersion"]
    assert store.replace(VIRTUAL_SERVICE, made | {"spec": {"hosts": ["c"]}})["spec"] == {"hosts": ["c"]}


def test_replacing_another_object_of_the_same_name_is_a_conflict(store: Store, made: dict[str, Any]) -> None:
    store.delete(VIRTUAL_SERVICE, "default", "cluster")
    store.create(VIRTUAL_SERVICE, virtual_service())
    del made["metadata"]["resourceVersion"]
    refused(409, lambda: store.replace(VIRTUAL_SERVICE, made))


def test_a_merge_patch_removes_what_is_null_and_replaces_lists(store: Store, made: dict[str, Any]) -> None:
    result = merge(store, {"spec": {"hosts": ["b", "c"], "gateways": ["g"]}})
    assert result["spec"] == {"hosts": ["b", "c"], "gateways": ["g"]}
    assert merge(store, {"spec": {"gateways": None}})["spec"] == {"hosts": ["b", "c"]}


def test_a_merge_patch_with_a_resource_version_is_guarded_by_it(store: Store, made: dict[str, Any]) -> None:
    guard = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    merge(store, guard | {"spec": {"hosts": ["b"]}})
    refused(409, lambda: merge(store, guard | {"spec": {"hosts": ["c"]}}))


def json_patch(store: Store, *operations: Any) -> dict[str, Any]:
    return store.patch(VIRTUAL_SERVICE, "default", "cluster", Patch("json", list(operations)))


def test_a_json_patch_carries_out_its_operations(store: Store, made: dict[str, Any]) -> None:
    add = {"op": "add", "path": "/spec/hosts/-", "value": "b"}
    assert json_patch(store, add)["spec"] == {"hosts": ["a", "b"]}


def test_a_json_patch_that_tests_the_resource_version_is_guarded_by_it(store: Store, made: dict[str, Any]) -> None:
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]}
    json_patch(store, test, {"op": "replace", "path": "/spec/hosts", "value": ["b"]})
    refused(409, lambda: json_patch(store, test, {"op": "replace", "path": "/spec/hosts", "value": ["c"]}))


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/hosts/0", "value": "z"},
        {"op": "remove", "path": "/spec/nothing"},
        {"op": "replace", "path": "/spec/hosts/7", "value": 1},
        {"op": "add", "path": "/spec/hosts/x", "value": 1},
        {"op": "add", "path": "/spec/hosts/0/deeper", "value": 1},
        {"op": "add", "path": 3, "value": 1},
        {"op": "add", "path": "no slash", "value": 1},
        {"op": "copy", "path": "/spec/a"},
        {"op": "move", "from": "/spec", "path": "/spec/hosts"},
        {"op": "nonsense", "path": "/spec"},
        {"path": "/spec"},
        {},
        "add",
        None,
        3,
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused_and_changes_nothing(
    store: Store, made: dict[str, Any], operation: Any
) -> None:
    refused(422, lambda: json_patch(store, operation))
    assert store.get(VIRTUAL_SERVICE, "default", "cluster") == made


def test_a_patch_that_copies_without_end_is_refused(
    store: Store, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnout.apiserver.patch.MAX_COPIED_BYTES", 10_000)
    doubling = [{"op": "copy", "from": "/spec", "path": f"/spec/{number}"} for number in range(40)]
    refused(413, lambda: json_patch(store, *doubling))


@pytest.mark.parametrize("body", [None, [], "text", {"metadata": None}, {"metadata": "x"}, {"kind": "Pod"}])
def test_a_merge_patch_that_leaves_no_such_object_is_refused(store: Store, made: dict[str, Any], body: Any) -> None:
    with pytest.raises(StatusError):
        merge(store, body)
    assert store.get(VIRTUAL_SERVICE, "default", "cluster") == made


def test_a_patch_cannot_rename_an_object(store: Store, made: dict[str, Any]) -> None:
    refused(400, lambda: merge(store, {"metadata": {"name": "other"}}))
    refused(400, lambda: merge(store, {"metadata": {"namespace": "other"}}))


def test_a_dry_run_answers_as_the_write_would_and_writes_nothing(store: Store, made: dict[str, Any]) -> None:
    result = merge(store, {"spec": {"hosts": ["b"]}}, dry_run=True)
    assert (result["spec"], result["metadata"]["generation"]) == ({"hosts": ["b"]}, 2)
    store.create(VIRTUAL_SERVICE, virtual_service("other"), dry_run=True)
    store.delete(VIRTUAL_SERVICE, "default", "cluster", dry_run=True)
    refused(422, lambda: merge(store, {"spec": {"error": "no"}}, dry_run=True))
    assert store.list(VIRTUAL_SERVICE) == [made]


def test_the_status_is_apart_from_the_rest(store: Store, made: dict[str, Any]) -> None:
    written = store.write_status(VIRTUAL_SERVICE, "default", "cluster", {"observedGeneration": 1})
    assert written["metadata"]["generation"] == 1
    assert int(written["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert merge(store, {"status": {"observedGeneration": 9}}) == written
    patch = Patch("merge", {"status": {"a": 1}, "spec": {"hosts": ["z"]}})
    patched = store.patch_status(VIRTUAL_SERVICE, "default", "cluster", patch)
    assert (patched["status"], patched["spec"]) == ({"observedGeneration": 1, "a": 1}, made["spec"])
    refused(409, lambda: store.replace_status(VIRTUAL_SERVICE, made | {"status": {}}))
    refused(400, lambda: store.replace_status(VIRTUAL_SERVICE, virtual_service() | {"status": []}))


def test_deleting_answers_with_the_object_as_it_was(store: Store, made: dict[str, Any]) -> None:
    deleted = store.delete(VIRTUAL_SERVICE, "default", "cluster")
    assert deleted["spec"] == made["spec"]
    assert store.get(VIRTUAL_SERVICE, "default", "cluster") is None
    refused(404, lambda: store.delete(VIRTUAL_SERVICE, "default", "cluster"))
    refused(404, lambda: merge(store, {}))


def test_deleting_with_a_precondition_that_does_not_hold_is_a_conflict(store: Store, made: dict[str, Any]) -> None:
    refused(409, lambda: store.delete(VIRTUAL_SERVICE, "default", "cluster", preconditions={"uid": "other"}))
    store.delete(VIRTUAL_SERVICE, "default", "cluster", preconditions={"uid": made["metadata"]["uid"]})


def test_lists_are_ordered_and_may_be_of_one_namespace(store: Store) -> None:
    for namespace, name in (("b", "a"), ("a", "z"), ("a", "b")):
        store.create(POD, {"metadata": {"name": name, "namespace": namespace}})
    names = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in store.list(POD)]
    assert names == [("a", "b"), ("a", "z"), ("b", "a")]
    assert len(store.list(POD, "a")) == 2


def test_what_a_caller_does_to_an_object_does_not_reach_the_store(store: Store) -> None:
    mine = virtual_service()
    made = store.create(VIRTUAL_SERVICE, mine)
    mine["spec"]["hosts"].append("b")
    made["spec"]["hosts"].append("c")
    got = store.get(VIRTUAL_SERVICE, "default", "cluster")
    assert got is not None
    got["spec"]["hosts"].append("d")
    assert store.list(VIRTUAL_SERVICE)[0]["spec"] == {"hosts": ["a"]}


def test_objects_and_revision_survive_a_restart(tmp_path: Path) -> None:
    database, store = open_store(tmp_path / "state.db")
    made = store.create(VIRTUAL_SERVICE, virtual_service())
    store.create(POD, {"metadata": {"name": "a"}})
    store.delete(POD, "default", "a")
    database.close()
    database, again = open_store(tmp_path / "state.db")
    assert again.list(VIRTUAL_SERVICE) == [made]
    assert again.revision == store.revision
    assert refused(410, lambda: again.events_after(again.revision - 1)).reason == "Expired"
    database.close()


def test_a_disk_that_fails_changes_nothing_in_memory_either(
    store: Store, database: Database, made: dict[str, Any]
) -> None:
    events: list[Event] = []
    store.subscribe(events.append)
    database.query("PRAGMA max_page_count = 10")
    with pytest.raises(StateBroken, match="full"):
        merge(store, {"spec": {"hosts": ["x" * 1_000_000]}})
    assert store.list(VIRTUAL_SERVICE) == [made]
    assert events == []


def test_events_carry_what_happened_and_the_change_they_belong_to(store: Store, made: dict[str, Any]) -> None:
    start = store.revision
    merge(store, {"spec": {"hosts": ["b"]}}, change=Change("c1", 2))
    store.write_status(VIRTUAL_SERVICE, "default", "cluster", {"ok": True})
    store.delete(VIRTUAL_SERVICE, "default", "cluster")
    modified, status, deleted = store.events_after(start)
    assert (modified.type, modified.change, modified.status_only) == ("MODIFIED", Change("c1", 2), False)
    assert modified.previous == made
    assert (status.type, status.status_only) == ("MODIFIED", True)
    assert (deleted.type, deleted.object["metadata"]["resourceVersion"]) == ("DELETED", str(store.revision))


def test_old_events_are_forgotten_and_asking_for_them_is_refused(
    store: Store, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 10)
    start = store.revision
    for number in range(25):
        merge(store, {"spec": {"hosts": [str(number)]}})
    refused(410, lambda: store.events_after(start))
    recent = store.events_after(store.revision - 3)
    assert [event.object["spec"]["hosts"] for event in recent] == [["22"], ["23"], ["24"]]
    refused(410, lambda: store.events_after(store.revision + 1))


async def test_watching_gives_past_and_coming_events_in_order(store: Store, made: dict[str, Any]) -> None:
    watch = store.watch(store.revision - 1)
    assert (await anext(watch)).type == "ADDED"
    coming = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    merge(store, {"spec": {"hosts": ["b"]}})
    assert (await coming).object["spec"] == {"hosts": ["b"]}


async def test_a_watch_that_is_too_slow_is_told_to_list_again(
    store: Store, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 10)
    watch = store.watch(store.revision - 1)
    await anext(watch)
    for number in range(25):
        merge(store, {"spec": {"hosts": [str(number)]}})
    with pytest.raises(StatusError, match="too old"):
        await anext(watch)


def deployment(**template: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"template": {"spec": template}}}


def strategic(store: Store, **template: Any) -> Any:
    body = {"spec": {"template": {"spec": template}}}
    result = store.patch(DEPLOYMENT, "default", "web", Patch("strategic", body))
    return result["spec"]["template"]["spec"]


def test_a_strategic_patch_merges_lists_by_their_key(store: Store) -> None:
    containers = [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}, {"name": "b"}]
    store.create(DEPLOYMENT, deployment(containers=containers, args=["1", "2"]))
    env = [{"name": "Y", "value": "3"}, {"name": "X", "$patch": "delete"}]
    assert strategic(store, containers=[{"name": "a", "env": env}], args=["3"]) == {
        "containers": [{"name": "a", "env": [{"name": "Y", "value": "3"}]}, {"name": "b"}],
        "args": ["3"],
    }
    order = [{"name": "c"}, {"name": "b"}, {"name": "a"}]
    result = strategic(store, **{"containers": [{"name": "c"}], "$setElementOrder/containers": order})
    assert [container["name"] for container in result["containers"]] == ["c", "b", "a"]
    replaced = strategic(store, containers=[{"$patch": "replace"}, {"name": "d"}])
    assert replaced["containers"] == [{"name": "d"}]


@pytest.mark.parametrize(
    "containers", [[3], [{"name": []}], [{"$patch": "delete"}], [{"$patch": "delete", "name": []}]]
)
def test_a_strategic_patch_that_does_not_fit_is_refused(store: Store, containers: list[Any]) -> None:
    store.create(DEPLOYMENT, deployment(containers=[{"name": "a"}]))
    refused(422, lambda: strategic(store, containers=containers))
