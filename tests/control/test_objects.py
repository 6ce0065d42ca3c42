"""What is derived from is always what there is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.apiserver.store import OBJECTS, Store
from turnout.control.objects import LiveObjects, keyed
from turnout.database import Database
from turnout.resources.kinds import CONFIG_MAP, SERVICE_ACCOUNT

KINDS = (CONFIG_MAP, SERVICE_ACCOUNT)
DO = st.sampled_from(["create", "replace", "status", "delete", "read"])
STEPS = st.lists(st.tuples(DO, st.sampled_from(KINDS), st.sampled_from("ab")), max_size=25)


def written(store: Store, do: str, obj: dict[str, Any], number: int) -> None:
    kind, name = next(kind for kind in KINDS if kind.kind == obj["kind"]), obj["metadata"]["name"]
    is_there = store.get(kind, "default", name) is not None
    if do == "create" and not is_there:
        store.create(kind, obj)
    elif do == "replace" and is_there:
        store.replace(kind, {**obj, "data": {"number": str(number)}})
    elif do == "status" and is_there:
        store.write_status(kind, "default", name, {"number": number})
    elif do == "delete" and is_there:
        store.delete(kind, "default", name)


@given(STEPS)
@settings(deadline=None, max_examples=20)
def test_live_objects_are_those_of_the_store_whatever_was_written(
    tmp_path_factory: Any, steps: list[tuple[str, Any, str]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("objects")
    database = Database(folder / "state.db", [OBJECTS])
    store = Store(database, admit=lambda _: [], now=lambda: datetime.now(UTC))
    live = LiveObjects(store, KINDS)
    for number, (do, kind, name) in enumerate(steps):
        meta = {"name": name, "namespace": "default"}
        written(store, do, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta}, number)
        if do == "read":
            assert list(live.read().items()) == list(keyed(o for kind in KINDS for o in store.list(kind)).items())
    database.close()
