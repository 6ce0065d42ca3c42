"""What `turnout shift` and `turnout mirror` say where there is nothing that they could change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.apiserver.samples import TOKEN, serving

from turnout.apiserver import kubeconfig
from turnout.cli import root
from turnout.client import Client
from turnout.error import TurnoutError
from turnout.resources.kinds import HTTP_ROUTE

ROUTE = {
    "apiVersion": HTTP_ROUTE.api_version,
    "kind": "HTTPRoute",
    "metadata": {"name": "reviews", "namespace": "default"},
    "spec": {
        "parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}],
        "rules": [{"backendRefs": [{"name": "reviews", "port": 80}, {"name": "reviews-v2", "port": 80}]}],
    },
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ".turnout"
    folder.mkdir()
    with serving(folder / "state.db") as server:
        kubeconfig.write(folder / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
        with Client.from_state(folder) as client:
            client.create(HTTP_ROUTE, ROUTE)
        yield folder


def refusal(state: Path, *command: str) -> TurnoutError:
    result = CliRunner().invoke(root, [*command, "--state", str(state)])
    assert isinstance(result.exception, TurnoutError)
    return result.exception


def test_versions_of_an_http_route_are_services_and_named_where_others_were_asked_for(state: Path) -> None:
    assert refusal(state, "shift", "reviews", "v2=10").hint == (
        "versions that share a route: reviews, reviews-v2; routes: rules[0]"
    )


def test_a_mirror_of_an_http_route_needs_a_service_that_is_there(state: Path) -> None:
    refused = refusal(state, "mirror", "reviews", "--to", "v2")
    assert refused.message == "there is no Service default/v2"
    assert "its versions are Services" in (refused.hint or "")


def test_a_service_that_no_route_serves_is_told(state: Path) -> None:
    assert refusal(state, "mirror", "ratings", "--off").message == "no route serves ratings.default.svc.cluster.local"
