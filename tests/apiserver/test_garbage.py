"""What a delete entails."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.apiserver.garbage import Policy
from turnout.apiserver.patch import Patch
from turnout.apiserver.status import StatusError
from turnout.apiserver.store import Event, Store
from turnout.database import Database
from turnout.resources.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, SECRET, Kind

Object = dict[str, Any]


def make(store: Store, kind: Kind, name: str, *owners: Object, block: bool = False, **metadata: Any) -> Object:
    references = [
        {key: owner[key] for key in ("apiVersion", "kind")}
        | {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}
        for owner in owners
    ]
    return store.create(kind, {"metadata": {"name": name, "ownerReferences": references, **metadata}})


def delete(store: Store, kind: Kind, name: str, policy: Policy = "Background") -> Object:
    return store.delete(kind, "default" if kind.namespaced else "", name, policy=policy)


def names(store: Store) -> set[str]:
    kinds = (NAMESPACE, DEPLOYMENT, CONFIG_MAP, POD, SECRET)
    return {obj["metadata"]["name"] for kind in kinds for obj in store.list(kind)}


def free(store: Store, kind: Kind, name: str) -> None:
    namespace = "default" if kind.namespaced else ""
    store.patch(kind, namespace, name, Patch("merge", {"metadata": {"finalizers": None}}))


def test_a_finalizer_keeps_the_object_until_it_is_taken_away(store: Store) -> None:
    make(store, CONFIG_MAP, "a", finalizers=["x.io/y"])
    events: list[Event] = []
    store.subscribe(events.append)
    marked = delete(store, CONFIG_MAP, "a")
    assert marked["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:05Z"
    assert delete(store, CONFIG_MAP, "a") == marked
    assert [event.type for event in events] == ["MODIFIED"]
    free(store, CONFIG_MAP, "a")
    assert [event.type for event in events] == ["MODIFIED", "MODIFIED", "DELETED"]
    assert names(store) == set()


def test_an_object_that_is_being_deleted_gets_no_new_finalizer_and_is_not_revived(store: Store) -> None:
    make(store, CONFIG_MAP, "a", finalizers=["x.io/y"])
    delete(store, CONFIG_MAP, "a")
    more = Patch("merge", {"metadata": {"finalizers": ["x.io/y", "x.io/z"]}})
    with pytest.raises(StatusError, match="no new finalizers"):
        store.patch(CONFIG_MAP, "default", "a", more)
    revived = store.patch(CONFIG_MAP, "default", "a", Patch("merge", {"metadata": {"deletionTimestamp": None}}))
    assert "deletionTimestamp" in revived["metadata"]


def test_what_an_object_owned_goes_with_it_down_to_the_last(store: Store) -> None:
    root = make(store, DEPLOYMENT, "root")
    child = make(store, CONFIG_MAP, "child", root)
    make(store, POD, "grandchild", child)
    make(store, CONFIG_MAP, "stranger")
    delete(store, DEPLOYMENT, "root")
    assert names(store) == {"stranger"}


def test_a_long_chain_of_owners_goes_too(store: Store) -> None:
    owner = make(store, CONFIG_MAP, "a-0")
    for number in range(1, 2000):
        owner = make(store, CONFIG_MAP, f"a-{number}", owner)
    delete(store, CONFIG_MAP, "a-0")
    assert names(store) == set()


def test_whom_others_own_as_well_only_forgets_the_owner(store: Store) -> None:
    first, second = make(store, DEPLOYMENT, "first"), make(store, DEPLOYMENT, "second")
    make(store, CONFIG_MAP, "shared", first, second)
    delete(store, DEPLOYMENT, "first")
    (owner,) = store.list(CONFIG_MAP)[0]["metadata"]["ownerReferences"]
    assert owner["name"] == "second"
    delete(store, DEPLOYMENT, "second")
    assert names(store) == set()


def test_orphans_stay_and_forget_their_owner(store: Store) -> None:
    make(store, CONFIG_MAP, "child", make(store, DEPLOYMENT, "root"))
    delete(store, DEPLOYMENT, "root", "Orphan")
    assert names(store) == {"child"}
    assert "ownerReferences" not in store.list(CONFIG_MAP)[0]["metadata"]


def test_in_the_foreground_an_owner_goes_after_those_that_hold_it(store: Store) -> None:
    root = make(store, DEPLOYMENT, "root")
    make(store, CONFIG_MAP, "child", root, block=True, finalizers=["x.io/y"])
    marked = delete(store, DEPLOYMENT, "root", "Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert names(store) == {"root", "child"}
    free(store, CONFIG_MAP, "child")
    assert names(store) == set()


def test_in_the_foreground_children_go_first(store: Store) -> None:
    root = make(store, DEPLOYMENT, "root")
    make(store, POD, "grandchild", make(store, CONFIG_MAP, "child", root, block=True), block=True)
    events: list[Event] = []
    store.subscribe(events.append)
    delete(store, DEPLOYMENT, "root", "Foreground")
    gone = [event.object["metadata"]["name"] for event in events if event.type == "DELETED"]
    assert gone == ["grandchild", "child", "root"]


def test_owners_of_each_other_do_not_wait_for_ever(store: Store) -> None:
    first = make(store, CONFIG_MAP, "first")
    second = make(store, CONFIG_MAP, "second", first, block=True)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "second", "uid": second["metadata"]["uid"]}
    patch = Patch("merge", {"metadata": {"ownerReferences": [owner | {"blockOwnerDeletion": True}]}})
    store.patch(CONFIG_MAP, "default", "first", patch)
    delete(store, CONFIG_MAP, "first", "Foreground")
    assert names(store) == set()


def test_a_namespace_takes_along_what_lives_in_it(store: Store) -> None:
    store.create(NAMESPACE, {"metadata": {"name": "shop"}})
    for kind in (DEPLOYMENT, CONFIG_MAP):
        store.create(kind, {"metadata": {"name": kind.plural, "namespace": "shop"}})
    make(store, CONFIG_MAP, "elsewhere")
    store.delete(NAMESPACE, "", "shop")
    assert names(store) == {"elsewhere"}


def test_a_namespace_waits_for_what_is_kept_in_it(store: Store) -> None:
    store.create(NAMESPACE, {"metadata": {"name": "shop"}})
    store.create(CONFIG_MAP, {"metadata": {"name": "kept", "namespace": "shop", "finalizers": ["x.io/y"]}})
    assert store.delete(NAMESPACE, "", "shop")["status"] == {"phase": "Terminating"}
    assert store.terminating("shop")
    store.patch(CONFIG_MAP, "shop", "kept", Patch("merge", {"metadata": {"finalizers": []}}))
    assert names(store) == set()


def test_who_belongs_to_whom_is_known_after_a_restart(store: Store, database: Database) -> None:
    make(store, CONFIG_MAP, "child", make(store, DEPLOYMENT, "root"))
    again = Store(database, admit=lambda obj: (), now=store._now)
    delete(again, DEPLOYMENT, "root")
    assert names(again) == set()


@pytest.mark.parametrize("owners", [[{}], ["x"], "x", [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": 3}]])
def test_owner_references_of_the_wrong_shape_are_refused(store: Store, owners: Any) -> None:
    with pytest.raises(StatusError) as raised:
        store.create(CONFIG_MAP, {"metadata": {"name": "a", "ownerReferences": owners}})
    assert raised.value.status == 422
