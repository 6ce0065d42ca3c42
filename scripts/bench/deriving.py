"""What one write costs the control process among many objects: from the store to Envoy's configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.bench import fleet

from turnout.apiserver.store import OBJECTS, Store
from turnout.control.certificate_files import CertificateFiles
from turnout.control.desired import Desired
from turnout.control.manifests import Files
from turnout.control.ports import EgressPorts
from turnout.database import RECORDS, Database, Records
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.workloads.ports import Ports
from turnout.workloads.status import PodStatus

CALLER = PodStatus("caller-1", "default", "caller", {"app": "caller"}, ports={8080: 8080}, ready=True)
"""One workload has a way out, through which it sees all services."""


def writes(folder: Path, services: int, changes: int) -> Iterator[float]:
    """Seconds of this thread's CPU for each of several weights: written, derived and compiled.

    The first time, for all there is, is not among them. `folder` has the manifests, and takes the database.
    """
    files = Files([folder])
    assert files.read(), files.problems[:3]
    database = Database(folder / "state.db", (RECORDS, OBJECTS))
    store = Store(database, admit=lambda _: [], now=lambda: datetime.now(UTC))
    for manifest in files.manifests.objects:
        store.create(manifest.kind, manifest.obj)
    egress = EgressPorts(Records(database), Ports())
    desired = Desired(files, store, egress, {}, 1.0, CertificateFiles(folder))
    _derived(desired)
    for number in range(changes):
        changed = _shifted(store, fleet.name(number * services // changes), number + 1)
        begun = time.thread_time()
        store.replace(VIRTUAL_SERVICE, changed)
        _derived(desired)
        yield time.thread_time() - begun
    database.close()


def _derived(desired: Desired) -> None:
    desired.derive([CALLER])
    desired.config()


def _shifted(store: Store, name: str, weight: int) -> dict[str, Any]:
    found = store.get(VIRTUAL_SERVICE, "default", name)
    assert found is not None, name
    first, second = found["spec"]["http"][0]["route"]
    first["weight"], second["weight"] = 100 - weight, weight
    return found
