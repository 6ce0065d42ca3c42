"""Sets of fields: whatever an object holds, they can be written down, read again, and taken away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.apiserver.apply import applied
from turnout.apiserver.fields import decoded, dotted, encoded, fields_of
from turnout.apiserver.ownership import Author, read
from turnout.resources.kinds import DEPLOYMENT

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c"])
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={
            "image": NAMES,
            "args": st.lists(NAMES, max_size=2),
            "env": st.lists(st.fixed_dictionaries({"name": NAMES, "value": NAMES}), max_size=3, unique_by=str),
            "ports": st.lists(st.fixed_dictionaries({"containerPort": st.sampled_from([80, 81])}), max_size=2),
        },
    ),
    max_size=3,
    unique_by=lambda container: container["name"],
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 2),
        "strategy": st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES, max_size=2), max_size=2),
        "template": st.fixed_dictionaries({"spec": st.fixed_dictionaries({"containers": CONTAINERS})}),
    },
)
LABELS = st.dictionaries(NAMES, NAMES, max_size=2)


def deployment(spec: Any, labels: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "labels": labels}, "spec": spec}


OBJECTS = st.builds(deployment, SPECS, LABELS)


@given(OBJECTS)
def test_what_is_written_down_is_read_again(obj: dict[str, Any]) -> None:
    paths = frozenset(fields_of(DEPLOYMENT, obj, status=False))
    assert decoded(encoded(paths)) == paths
    assert all(dotted(path).startswith(".") for path in paths)


@given(OBJECTS, OBJECTS)
def test_applying_sets_what_is_said_and_doing_it_again_changes_nothing(
    live: dict[str, Any], config: dict[str, Any]
) -> None:
    live = {**live, "metadata": {**live["metadata"], "creationTimestamp": "", "managedFields": []}}
    anne = Author("anne", "apps/v1")
    done = applied(DEPLOYMENT, live, config, {}, anne, NOW, force=True)
    told = fields_of(DEPLOYMENT, config, status=False)
    now = fields_of(DEPLOYMENT, done.object, status=False)
    assert all(now[path] == value for path, value in told.items() if path in now)
    again = applied(DEPLOYMENT, done.object, config, read(done.managed), anne, NOW, force=False)
    assert again == done


@given(OBJECTS, OBJECTS)
def test_a_manager_who_lets_everything_go_leaves_what_is_anothers(first: dict[str, Any], other: dict[str, Any]) -> None:
    anne, bill = Author("anne", "apps/v1"), Author("bill", "apps/v1")
    bare = {"metadata": {"name": "web", "creationTimestamp": ""}, "spec": {}}
    one = applied(DEPLOYMENT, bare, first, {}, anne, NOW, force=True)
    both = applied(DEPLOYMENT, one.object, other, read(one.managed), bill, NOW, force=True)
    left = applied(DEPLOYMENT, both.object, bare, read(both.managed), anne, NOW, force=True)
    now = fields_of(DEPLOYMENT, left.object, status=False)
    for path, value in fields_of(DEPLOYMENT, other, status=False).items():
        if value not in ({}, []):
            assert now[path] == value
