"""What `turnout shift` and `turnout mirror` say where there is nothing that they could change."""

from __future__ import annotations

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


@pytest.mark.parametrize("command", [["shift", "reviews", "v2=10"], ["mirror", "reviews", "--off"]], ids=lambda c: c[0])
def test_an_http_route_is_named_that_has_the_weights(tmp_path: Path, command: list[str]) -> None:
    state = tmp_path / ".turnout"
    state.mkdir()
    with serving(state / "state.db") as server:
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
        with Client.from_state(state) as client:
            client.create(HTTP_ROUTE, ROUTE)
        result = CliRunner().invoke(root, [*command, "--state", str(state)])

    assert isinstance(result.exception, TurnoutError)
    assert "HTTPRoute default/reviews routes it" in (result.exception.hint or "")
