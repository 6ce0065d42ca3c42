"""What files say is carried over to the live objects, save for what only Turnout itself writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from turnout.apiserver.store import OBJECTS, Store
from turnout.control.manifests import Files, apply_files
from turnout.database import Database
from turnout.resources.kinds import CONFIG_MAP, POD, REPLICA_SET

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POD_AND_MORE = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Database(tmp_path / "state.db", [OBJECTS])) as database:
        yield Store(database, admit=lambda obj: [], now=lambda: NOW)


def test_a_pod_in_a_file_is_left_out_and_that_is_said(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD_AND_MORE)
    files = Files([tmp_path / "a.yaml"])
    assert files.read()
    assert [(problem.code, problem.message) for problem in files.problems] == [
        ("TNO219", "Turnout writes Pod objects itself, and leaves this one out")
    ]
    assert apply_files(files, store)
    assert (store.list(POD), len(store.list(CONFIG_MAP))) == ([], 1)


def test_what_turnout_writes_stays_though_it_carries_its_owner_s_notes(store: Store, tmp_path: Path) -> None:
    notes = {"turnout.dev/source": f"{tmp_path / 'gone.yaml'}#0", "turnout.dev/last-applied": "{}"}
    for kind in (REPLICA_SET, CONFIG_MAP):
        store.create(kind, {"metadata": {"name": "a", "annotations": notes}})
    (tmp_path / "a.yaml").write_text("# nothing\n")
    files = Files([tmp_path / "a.yaml"])
    assert files.read()
    assert apply_files(files, store)
    assert (len(store.list(REPLICA_SET)), store.list(CONFIG_MAP)) == (1, [])
