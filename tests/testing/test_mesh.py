"""What a test can ask of the mesh, on a real Envoy."""

from __future__ import annotations

import pytest
from tests.testing.manifests import SERVICE, routes, to

from turnout.testing import Mesh

pytestmark = pytest.mark.e2e

JASON = {"end-user": "jason"}
CANARY = routes(
    f"[{{match: [{{headers: {{end-user: {{exact: jason}}}}}}], route: {to('v2')}}},"
    f" {{route: {to('v1=90', 'v2=10')}, mirror: {{host: reviews, subset: v3}}}}]"
)


def test_requests_go_where_their_headers_say_and_split_by_weight_and_are_copied(mesh: Mesh) -> None:
    mesh.apply(SERVICE, CANARY)

    assert mesh.get("http://reviews/", headers=JASON).version == "v2"
    assert not mesh.mirrored("reviews", "v3")
    assert mesh.split("http://reviews/", n=300).close_to({"v1": 90, "v2": 10})
    assert len(mesh.mirrored("reviews", "v3")) == 300
