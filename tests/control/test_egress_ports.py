"""Where workloads' ways out listen: on ports that are kept for as long as somebody may know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from turnout.control.ports import EgressPorts
from turnout.database import RECORDS, Database, Records
from turnout.workloads.ports import Ports

CACHE = ("cache.default.svc.cluster.local", 6379)
OTHER = ("other.default.svc.cluster.local", 6379)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Database(tmp_path / "state.db", [RECORDS])) as database:
        yield Records(database)


def test_a_service_has_a_port_for_each_workload_also_after_a_restart(records: Records) -> None:
    ports = EgressPorts(records, Ports())
    (front,), (back,) = (ports.outlets("default", name, [CACHE]) for name in ("front", "back"))
    assert len({front.listen_port, back.listen_port, ports.of("default", "front")}) == 3
    assert EgressPorts(records, Ports()).outlets("default", "front", [CACHE]) == (front,)


def test_another_service_never_gets_the_port_of_one_that_is_gone(records: Records) -> None:
    ports = EgressPorts(records, Ports())
    (gone,) = ports.outlets("default", "front", [CACHE])
    ports.keep([("default", "front")])
    (other,) = ports.outlets("default", "front", [OTHER])
    assert other.listen_port != gone.listen_port
    assert ports.outlets("default", "front", [CACHE]) == (gone,)


def test_the_ports_of_a_workload_that_is_no_more_are_forgotten(records: Records) -> None:
    ports = EgressPorts(records, Ports())
    ports.outlets("default", "front", [CACHE])
    ports.keep([])
    assert records.all("egress") == {}
