"""Write after write, the instance wants what one that has just started with these objects would want."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compiler.test_properties import OBJECTS as GENERATED

from turnout.apiserver.store import OBJECTS, Store
from turnout.control.certificate_files import CertificateFiles
from turnout.control.desired import Desired
from turnout.control.manifests import Files
from turnout.control.ports import EgressPorts
from turnout.database import RECORDS, Database, Records
from turnout.problem import errors
from turnout.resources.interpret import interpret
from turnout.resources.kinds import by_api_version
from turnout.workloads.ports import Ports
from turnout.workloads.status import PodStatus

JSON = dict[str, Any]
PODS = st.sets(st.tuples(st.sampled_from(["default", "other"]), st.sampled_from(["a", "b"])))


class Instance:
    """As much of one as derives what Envoy shall do."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "state.db", (RECORDS, OBJECTS))
        self.store = Store(self.database, admit=lambda _: [], now=lambda: datetime.now(UTC))
        self._egress = EgressPorts(Records(self.database), Ports())
        self._folder = folder

    def desired(self) -> Desired:
        return Desired(Files([self._folder]), self.store, self._egress, {}, 1.0, CertificateFiles(self._folder))

    def write(self, obj: JSON) -> None:
        """Put in the place of one of its name, else added; one that is there as it is goes."""
        kind = by_api_version(obj["apiVersion"], obj["kind"])
        assert kind is not None
        name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        known = self.store.get(kind, *name)
        if known is None:
            self.store.create(kind, obj)
        elif known["spec"] == obj["spec"]:
            self.store.delete(kind, *name)
        else:
            self.store.replace(kind, {**obj, "metadata": known["metadata"]})


@contextmanager
def instance(folder: Path) -> Iterator[Instance]:
    found = Instance(folder)
    yield found
    found.database.close()


def running(names: set[tuple[str, str]]) -> list[PodStatus]:
    ports: Mapping[int, int] = {8080: 20_000}
    return [PodStatus(f"{app}-1", space, app, {"app": app}, ports=ports, ready=True) for space, app in sorted(names)]


@given(GENERATED, st.lists(st.tuples(st.integers(0, 99), PODS), min_size=2, max_size=8))
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
def test_write_after_write_leads_where_all_at_once_would(
    tmp_path_factory: Any, objects: list[JSON], writes: list[tuple[int, set[tuple[str, str]]]]
) -> None:
    valid = [obj for obj in objects if not errors(interpret(obj).problems)]
    with instance(tmp_path_factory.mktemp("state")) as own:
        desired = own.desired()
        for at, names in writes:
            for obj in valid[at % max(1, len(valid)) :][:3]:
                own.write(obj)
            fresh = own.desired()
            for each in (desired, fresh):
                each.derive(running(names))
            assert desired.config() == fresh.config()
            assert sorted(map(str, desired.consider())) == sorted(map(str, fresh.consider()))
            assert desired.generations == fresh.generations
