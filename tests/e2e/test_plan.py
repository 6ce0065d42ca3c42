"""`turnout plan` beside a running Turnout: weights that were shifted stay, and what is met is counted."""

from __future__ import annotations

import json

import pytest
from tests.e2e import manifests
from tests.e2e.site import Site, until

pytestmark = pytest.mark.e2e


def test_files_are_held_against_what_is_running(site: Site) -> None:
    site.up()
    assert site.run("shift", "app", "v2=30").status == 0
    assert site.run("plan", "k8s").status == 0, "a file that says the same as before takes nothing back"
    for _ in range(20):
        assert site.get().status == 200

    by_path = manifests.split({"v2": 100}, name="beta", path="/beta")
    routes = manifests.virtual_service(by_path, manifests.split({"v1": 100, "v2": 0}))
    site.write("next/route.yaml", manifests.document(routes))
    found = until("the requests are counted", lambda: _plan(site))

    (route,) = found["routes"]
    assert (route["when"], route["before"]) == ("the path begins with /beta", "70 % to app v1, 30 % to app v2")
    assert (route["after"], route["moved_percent"]) == ("all to app v2", 70.0)
    assert route["callers"] == ["clients of gateway port 80"]
    assert [(each["kind"], each["change"]) for each in found["objects"]] == [("VirtualService", "changed")]


def _plan(site: Site) -> dict[str, list[dict[str, object]]] | None:
    outcome = site.run("plan", "next", "--json")
    assert outcome.status == 3, outcome
    found: dict[str, list[dict[str, object]]] = json.loads(outcome.out)
    return found if found["routes"][0]["requests_per_second"] else None
