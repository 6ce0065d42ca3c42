"""A service's traffic over time: counted right, marked where it was changed, and kept when Turnout is killed."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from tests.e2e.site import Site, until

from turnout.error import ApiError

pytestmark = pytest.mark.e2e

REQUESTS = 40


def series(site: Site) -> dict[str, Any]:
    with site.client() as client:
        return dict(client.view("series", service="app", seconds="600"))


def counted(site: Site) -> dict[str, int]:
    versions = series(site)["versions"]
    return {found["subset"]: sum(point["requests"] for point in found["points"]) for found in versions}


def test_what_was_seen_two_seconds_ago_outlives_a_killed_turnout(site: Site) -> None:
    up = site.up()
    for _ in range(REQUESTS):
        assert site.get().status == 200
    assert site.run("shift", "app", "v2=100").status == 0
    for _ in range(REQUESTS):
        assert site.get().version == "v2"
    sent = {"v1": REQUESTS, "v2": REQUESTS}
    until("all are counted", lambda: counted(site) == sent, seconds=2.0)
    time.sleep(2.0)  # what is being tested: no more than that may be lost
    up.kill()
    site.up()
    assert counted(site) == sent
    shown = series(site)
    assert [mark["what"] for mark in shown["marks"]] == ["weights"]
    assert "v1 100 → 0, v2 0 → 100" in shown["marks"][0]["text"]
    (v1, v2) = shown["versions"]
    assert max(p["at"] for p in v1["points"]) <= shown["marks"][0]["at"] <= min(p["at"] for p in v2["points"]) + 1
    assert all(point["success_share"] in {1.0, None} for point in v1["points"] + v2["points"])


def test_a_service_that_is_not_named_or_a_time_that_is_none_is_refused_with_what_is_wrong(site: Site) -> None:
    site.up()
    with site.client() as client:
        for query, wrong in (({}, "which service?"), ({"service": "app", "seconds": "soon"}, "seconds=soon")):
            with pytest.raises(ApiError, match=re.escape(wrong)):
                client.view("series", **query)
