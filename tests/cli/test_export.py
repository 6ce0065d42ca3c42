"""What `turnout export` writes; that Prometheus and its queries accept it is shown in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from turnout.apiserver import kubeconfig
from turnout.cli import root


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """As a running instance leaves it; the path is one that YAML would take for something else."""
    folder = tmp_path / "a: b #c" / ".turnout"
    folder.mkdir(parents=True)
    kubeconfig.write(folder / "kubeconfig", "http://127.0.0.1:4321", "open-sesame")
    return folder


def test_the_scrape_configuration_names_the_port_and_the_file_with_the_token(state: Path) -> None:
    result = CliRunner().invoke(root, ["export", "prometheus", "--state", str(state)])
    assert result.exit_code == 0
    (job,) = yaml.safe_load(result.stdout)["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:4321"]}]
    assert job["authorization"] == {"type": "Bearer", "credentials_file": str(state / "token")}
    assert "open-sesame" not in result.stdout


def test_the_path_of_the_token_is_absolute(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus would look for another one beside its own configuration."""
    monkeypatch.chdir(state.parent)
    result = CliRunner().invoke(root, ["export", "prometheus"])
    (job,) = yaml.safe_load(result.stdout)["scrape_configs"]
    assert job["authorization"]["credentials_file"] == str(state / "token")


def test_dashboards_are_written_one_to_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "dashboards"
    result = CliRunner().invoke(root, ["export", "grafana", "--out", str(folder)])
    assert result.exit_code == 0
    files = sorted(folder.iterdir())
    assert result.stdout.split() == [word for file in _in_order(files) for word in ("wrote", str(file))]
    assert {json.loads(file.read_text())["uid"]: file.name for file in files} == {
        f"turnout-{name}": f"turnout-{name}.json" for name in ("mesh", "service", "workload", "rollout")
    }


def _in_order(files: list[Path]) -> list[Path]:
    order = ["mesh", "service", "workload", "rollout"]
    return sorted(files, key=lambda file: order.index(file.stem.removeprefix("turnout-")))
