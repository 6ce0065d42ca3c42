"""The smallest example is a project as `turnout init` leaves it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from turnout.cli import root
from turnout.control.manifests import Files

HELLO = Path(__file__).parents[2] / "examples" / "hello"
ROUTING = ("hello-destination-rule.yaml", "hello-virtual-service.yaml", "hello-gateway.yaml")


def test_its_routing_is_what_init_writes_for_its_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hello.yaml", "turnout.yaml"):
        shutil.copy(HELLO / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(root, ["init", "hello", "v1", "v2", "--host", "hello.test"])

    assert result.exit_code == 0, result.output
    assert {name: (tmp_path / name).read_text() for name in ROUTING} == {
        name: (HELLO / name).read_text() for name in ROUTING
    }


def test_it_reads_without_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HELLO)
    files = Files([HELLO])

    assert files.read()
    assert files.problems == ()
    assert [image.image for image in files.settings.images] == ["hello"]
