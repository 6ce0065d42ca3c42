"""Every route in words with its line, of files as Turnout reads them; live routes may have been added since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout.control.file_place import Written, aligned
from turnout.control.manifests import Files
from turnout.resources.interpret import interpret
from turnout.resources.virtual_service import VirtualService

FILE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
    - match:
        - uri:
            prefix: /a
        - uri:
            prefix: /b
      route:
        - destination: {host: reviews}
    - name: rest
      route:
        - destination: {host: reviews}
"""


@pytest.mark.parametrize(
    ("live", "file", "found"),
    [
        (["a", "b"], ["a", "b"], [0, 1]),
        (["", ""], ["", ""], [0, 1]),
        (["route-mirror", ""], [""], [None, 0]),
        (["a-mirror", "a", "b-mirror", "b"], ["a", "b"], [None, 0, None, 1]),
        (["b", "a"], ["a", "b"], [1, 0]),
        (["a"], [], [None]),
        (["", "x", ""], ["x", ""], [1, 0, None]),
    ],
)
def test_a_live_route_is_found_in_its_file(live: list[str], file: list[str], found: list[int | None]) -> None:
    assert aligned(live, file) == found


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    Path("reviews.yaml").write_text(FILE)
    files = Files([tmp_path])
    assert files.read(), files.problems
    return files


def owner(*http: dict[str, Any]) -> VirtualService:
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "default"},
        "spec": {"hosts": ["reviews"], "http": list(http)},
    }
    found = interpret(obj).resource
    assert isinstance(found, VirtualService)
    return found


TO: dict[str, Any] = {"route": [{"destination": {"host": "reviews"}}]}


def test_each_route_and_each_match_has_its_line(files: Files) -> None:
    (manifest,) = files.manifests.objects
    written = Written.of(owner({**TO, "name": "added"}, TO, {**TO, "name": "rest"}), manifest.document)

    assert written.where() == "reviews.yaml:5"
    assert written.where(0) == "default/reviews"
    assert written.where(1) == "reviews.yaml:8"
    assert written.where(1, "match", 1) == "reviews.yaml:11"
    assert written.where(2) == "reviews.yaml:15"


def test_what_came_over_the_api_has_its_name() -> None:
    written = Written.of(owner(TO), None)

    assert (written.where(), written.where(0)) == ("default/reviews", "default/reviews")
