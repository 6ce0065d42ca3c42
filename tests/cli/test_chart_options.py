"""`-f`, `--set` and `--release`, as the commands take them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from turnout.cli import root

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports: [{name: http, port: {{ .Values.port }}}]
"""


@pytest.fixture(autouse=True)
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop/templates").mkdir(parents=True)
    Path("shop/Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 0.1.0\n")
    Path("shop/values.yaml").write_text("port: 80\n")
    Path("shop/templates/service.yaml").write_text(SERVICE)
    Path("bad.yaml").write_text("port: 99999\n")


def test_values_files_and_sets_are_checked_with_the_chart() -> None:
    assert CliRunner().invoke(root, ["check", "shop"]).exit_code == 0
    result = CliRunner().invoke(root, ["check", "shop", "-f", "bad.yaml"])
    assert result.exit_code == 1
    assert "shop/templates/service.yaml:6:24 (.Values.port, bad.yaml:1): error:" in result.output
    assert CliRunner().invoke(root, ["check", "shop", "-f", "bad.yaml", "--set", "port=81"]).exit_code == 0


def test_a_plan_compares_one_release_of_a_chart_with_another_state_of_its_files() -> None:
    result = CliRunner().invoke(root, ["plan", "shop", "--release", "live/web", "--against", "shop"])
    assert (result.exit_code, result.output) == (0, "no changes\n")


@pytest.mark.parametrize("name", ["Live/web", "a/b/c", "web_1", "-", "x" * 54])
def test_a_name_that_helm_would_refuse_is_a_wrong_use(name: str) -> None:
    result = CliRunner().invoke(root, ["explain", "GET", "http://shop/", "shop", "--release", name])
    assert result.exit_code == 2
    assert "is not [NAMESPACE/]NAME" in result.output


def test_a_file_of_values_that_does_not_exist_is_a_wrong_use() -> None:
    result = CliRunner().invoke(root, ["check", "shop", "-f", "nowhere.yaml"])
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.output
