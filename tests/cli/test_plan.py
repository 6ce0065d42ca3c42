"""`turnout plan`, between folders: what it prints, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.testing.manifests import SERVICE, routes, to

from turnout.cli import root

ALL_TO_V1 = routes(f"[{{route: {to('v1')}}}]")
A_TENTH_TO_V2 = routes(f"[{{route: {to('v1=90', 'v2=10')}}}]")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("before", ALL_TO_V1)
    return tmp_path


def write(folder: str, *texts: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "reviews.yaml").write_text("---\n".join((SERVICE, *texts)))


def plan(*more: str) -> Result:
    return CliRunner().invoke(root, ["plan", "after", "--against", "before", *more])


def test_a_change_of_weights_is_told_with_its_line_and_exit_status_3() -> None:
    write("after", A_TENTH_TO_V2)

    result = plan()

    assert result.exit_code == 3
    words = " ".join(result.stdout.split())
    assert "VirtualService default/reviews: changed (spec.http[0].route)" in words
    assert "1 route would change, for workloads in default:" in words
    for part in ("all to reviews v1", "10 %", "after/reviews.yaml:22"):
        assert part in result.stdout


def test_no_change_is_exit_status_0() -> None:
    write("after", ALL_TO_V1)

    result = plan()

    assert (result.exit_code, result.stdout) == (0, "no changes\n")


def test_an_error_that_comes_with_the_change_is_exit_status_1_and_has_its_line() -> None:
    write("after", routes(f"[{{route: {to('v9')}}}]"))

    result = plan()

    assert result.exit_code == 1
    assert "after/reviews.yaml:22:" in result.stdout
    assert "[IST0101]" in result.stdout


def test_manifests_with_errors_have_no_plan() -> None:
    write("after", routes(f"[{{route: {to('v1=0', 'v2=0')}}}]"))

    result = plan()

    assert (result.exit_code, result.stdout) == (1, "")
    assert "total destination weight = 0" in result.stderr


def test_as_json_it_has_routes_callers_and_places() -> None:
    write("after", A_TENTH_TO_V2)

    found = json.loads(plan("--json").stdout)

    assert found["changes"] is True
    assert found["problems"] == []
    (route,) = found["routes"]
    assert route["moved_percent"] == 10
    assert route["callers"] == ["workloads in default"]
    assert route["where"] == "after/reviews.yaml:22"


def test_without_a_running_instance_it_says_so() -> None:
    write("after", ALL_TO_V1)

    result = CliRunner().invoke(root, ["plan", "after"])

    assert result.exit_code == 1
    assert "nothing is running" in str(result.exception)


def test_a_port_that_is_opened_is_told_where_no_route_changes() -> None:
    server = '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}'
    head = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: front}\n"
    write("after", ALL_TO_V1, f"{head}spec: {{servers: [{server}]}}\n")

    result = plan()

    assert result.exit_code == 3
    assert "Requests go where they went before.\n" in result.stdout
    assert "gateway port 80 is opened\n" in result.stdout
