"""What writers are told of other objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.apiserver.samples import Served, serving, virtual_service

from turnout.problem import ObjectPath, Problem, Severity

COLLECTION = "/apis/networking.istio.io/v1/namespaces/default/virtualservices"
ONE = f"{COLLECTION}/cluster"
MERGE = {"Content-Type": "application/merge-patch+json"}

OWN = Problem(
    "TNO301", Severity.ERROR, "no such host", ObjectPath("VirtualService", "default", "cluster", "spec.http[0]"), "fix"
)
OTHER = Problem("TNO302", Severity.WARNING, "nobody", ObjectPath("Gateway", "default", "front", "spec.servers[0]"))
IDLE = Problem("TNO303", Severity.INFO, "by the way", ObjectPath("Gateway", "default", "front"))


class Found:
    """What `now` and `after` find; how often somebody has asked."""

    def __init__(self) -> None:
        self.before: list[Problem] = []
        self.later: list[Problem] = []
        self.asked = 0

    def now(self) -> Sequence[Problem]:
        return self.before

    async def after(self) -> Sequence[Problem]:
        self.asked += 1
        return self.later


@pytest.fixture
def found() -> Found:
    return Found()


@pytest.fixture
def told(tmp_path: Path, found: Found) -> Iterator[Served]:
    with serving(tmp_path / "state.db", consequences=found) as server:
        yield server


def warnings(served: Served, method: str, path: str, body: object = None, **headers: str) -> list[str]:
    response, answer = served.request(method, path, body, headers)
    assert response.status in (200, 201), answer
    return [value.split(" ", 2)[2].strip('"') for value in response.headers.get_all("Warning") or ()]


def test_a_writer_is_told_what_does_not_fit_since(told: Served, found: Found) -> None:
    found.later = [OWN, OTHER, IDLE]
    assert warnings(told, "POST", COLLECTION, virtual_service()) == [
        "VirtualService default/cluster spec.http[0]: no such host (hint: fix) [TNO301]",
        "Gateway default/front spec.servers[0]: nobody [TNO302]",
    ]


def test_what_was_there_before_is_told_only_to_whom_it_concerns(told: Served, found: Found) -> None:
    told.request("POST", COLLECTION, virtual_service())
    found.before = found.later = [OWN, OTHER]
    patch = {"spec": {"hosts": ["b"]}}
    assert warnings(told, "PATCH", ONE, patch, **MERGE) == ["spec.http[0]: no such host (hint: fix) [TNO301]"]


def test_a_delete_tells_who_misses_the_object(told: Served, found: Found) -> None:
    told.request("POST", COLLECTION, virtual_service())
    found.later = [OTHER]
    assert warnings(told, "DELETE", ONE) == ["Gateway default/front spec.servers[0]: nobody [TNO302]"]


def test_who_changes_nothing_or_a_part_of_something_is_told_nothing(told: Served, found: Found) -> None:
    found.later = [OTHER]
    assert warnings(told, "POST", f"{COLLECTION}?dryRun=All", virtual_service()) == []
    assert warnings(told, "POST", COLLECTION, virtual_service(), **{"X-Turnout-Change": "c/1"}) == []
    assert warnings(told, "PATCH", f"{ONE}/status", {"status": {"a": 1}}, **MERGE) == []
    assert warnings(told, "GET", ONE) == []
    assert found.asked == 0
