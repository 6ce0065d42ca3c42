"""Helm charts where manifests may stand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helm_python import package

from turnout.inputs.chart import Release
from turnout.inputs.files import Manifests, read_paths
from turnout.problem import Place, Problem
from turnout.resources.document import Spot

ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {{ .Release.Name }}
spec:
  hosts: [shop]
  http:
    - route:
        - destination: {host: shop, subset: v1}
          weight: {{ .Values.weights.v1 }}
        - destination: {host: shop, subset: v2}
          weight: {{ .Values.weights.v2 }}
"""
VALUES = "weights:\n  v1: 90\n  v2: 10\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n")
    put("shop/values.yaml", VALUES)
    put("shop/templates/route.yaml", ROUTE)
    return tmp_path


def put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def single(found: Manifests) -> Problem:
    assert len(found.problems) == 1, found.problems
    return found.problems[0]


def weights(found: Manifests) -> list[int]:
    assert found.problems == ()
    return [item["weight"] for item in found.objects[0].obj["spec"]["http"][0]["route"]]


def read(path: str = "shop", *, values: str = "", sets: tuple[str, ...] = (), release: str = "") -> Manifests:
    files = (Path(values),) if values else ()
    return read_paths([Path(path)], release=Release(release, values=files, sets=sets))


def test_a_chart_gives_what_helm_makes_of_it() -> None:
    found = read()
    assert weights(found) == [90, 10]
    assert found.objects[0].obj["metadata"]["name"] == "shop"
    assert found.objects[0].document.place(("spec", "http", 0, "route", 1, "weight")) == Place(
        "shop/templates/route.yaml", 12, 11, ".Values.weights.v2, shop/values.yaml:3"
    )


def test_a_release_has_a_name_and_a_namespace() -> None:
    found = read_paths([Path("shop")], release=Release("web", "live"))
    assert found.objects[0].obj["metadata"]["name"] == "web"
    assert found.objects[0].obj["metadata"]["namespace"] == "live"


def test_an_archive_is_a_chart() -> None:
    path = package("shop", destination=".")
    assert weights(read(path)) == [90, 10]
    assert single(read(path, sets=("weights.v1=-1",))).where == Place(
        "shop-0.1.0.tgz/templates/route.yaml", 10, 11, ".Values.weights.v1, by --set"
    )


def test_what_is_no_archive_is_named() -> None:
    put("broken.tgz", "no archive")
    assert "broken.tgz is no archive of a chart" in single(read("broken.tgz")).message


def test_a_chart_in_a_folder_is_rendered_beside_its_manifests() -> None:
    put("k8s/route.yaml", ROUTE.replace("{{ .Release.Name }}", "other").replace("{{ .Values.weights.v1 }}", "1")
        .replace("{{ .Values.weights.v2 }}", "2"))  # fmt: skip
    assert [manifest.obj["metadata"]["name"] for manifest in read(".").objects] == ["other", "shop"]


def test_files_of_values_and_sets_win_over_the_charts_own() -> None:
    put("local.yaml", "weights: {v2: 40}\n")
    assert weights(read(values="local.yaml")) == [90, 40]
    assert weights(read(values="local.yaml", sets=("weights.v2=7", "weights.v1=3"))) == [3, 7]


def test_a_set_changes_one_item_of_a_list() -> None:
    put("shop/values.yaml", f"{VALUES}names: [one, two, three]\n")
    put("shop/templates/route.yaml", ROUTE.replace("{{ .Release.Name }}", '{{ join "-" .Values.names }}'))
    put("local.yaml", "names: [x, y, z]\n")
    assert read(values="local.yaml", sets=("names[1]=b",)).objects[0].obj["metadata"]["name"] == "x-b-z"
    assert read(values="local.yaml", sets=("names={b}",)).objects[0].obj["metadata"]["name"] == "b"


def test_a_problem_is_at_its_line_of_the_template_with_the_value_it_came_from() -> None:
    put("local.yaml", "# of this machine\nweights:\n  v2: -1\n")
    assert single(read(values="local.yaml")).where == Place(
        "shop/templates/route.yaml", 12, 11, ".Values.weights.v2, local.yaml:3"
    )


def test_a_problem_in_a_list_that_is_put_out_as_a_whole_is_at_its_value() -> None:
    put(
        "shop/templates/route.yaml",
        ROUTE.partition("    - route")[0] + "    {{- toYaml .Values.routes | nindent 4 }}\n",
    )
    put(
        "shop/values.yaml",
        "routes:\n- route:\n  - destination: {host: shop}\n    weight: 100\n- route:\n"
        "  - destination: {host: shop}\n    weight: -2\n",
    )
    assert single(read()).where == Place(
        "shop/templates/route.yaml", 8, 5, ".Values.routes[1].route[0].weight, shop/values.yaml:7"
    )


def test_a_value_of_a_subchart_is_found_in_its_own_values_or_in_those_of_the_chart_above() -> None:
    put("shop/charts/part/Chart.yaml", "apiVersion: v2\nname: part\nversion: 0.1.0\n")
    put("shop/charts/part/values.yaml", "weights:\n  v1: -5\n  v2: 10\n")
    put("shop/charts/part/templates/route.yaml", ROUTE.replace("{{ .Release.Name }}", "part"))
    where = single(read()).where
    assert where == Place(
        "shop/charts/part/templates/route.yaml", 10, 11, ".Values.weights.v1, shop/charts/part/values.yaml:2"
    )
    put("shop/values.yaml", f"{VALUES}part:\n  weights:\n    v1: -6\n")
    where = single(read()).where
    assert isinstance(where, Place)
    assert where.via == ".Values.weights.v1, shop/values.yaml:6"


WEIGHT = ("spec", "http", 0, "route", 1, "weight")


def test_a_value_can_be_changed_in_the_file_that_says_it() -> None:
    put("local.yaml", "weights:\n  v2: 40\n")
    assert read().objects[0].document.spot(WEIGHT) == Spot("shop/values.yaml", 0, ("weights", "v2"))
    assert read(values="local.yaml").objects[0].document.spot(WEIGHT) == Spot("local.yaml", 0, ("weights", "v2"))


@pytest.mark.parametrize(
    "template", ["{{ add 1 .Values.weights.v2 }}", "7", "{{ .Values.weights.v2 }}{{ .Values.zero }}"]
)
def test_what_no_file_says_as_it_is_cannot_be_changed_there(template: str) -> None:
    put("shop/values.yaml", f"{VALUES}zero: 0\n")
    put("shop/templates/route.yaml", ROUTE.replace("{{ .Values.weights.v2 }}", template))
    assert read().objects[0].document.spot(WEIGHT) is None


def test_what_the_command_line_says_cannot_be_changed_in_a_file() -> None:
    assert read(sets=("weights.v2=10",)).objects[0].document.spot(WEIGHT) is None


def test_a_problem_in_a_round_of_a_range_is_at_the_value_of_its_item() -> None:
    put("shop/templates/route.yaml", "{{- range $name, $weights := .Values.routes }}\n---\n"
        + ROUTE.replace(".Release.Name", "$name").replace(".Values.weights", "$weights") + "{{- end }}\n")  # fmt: skip
    put("shop/values.yaml", "routes:\n  b: {v1: 1, v2: -3}\n  a: {v1: 1, v2: -3}\n")
    assert [problem.where for problem in read().problems] == [
        Place("shop/templates/route.yaml", 14, 11, ".Values.routes.a.v2, shop/values.yaml:3"),
        Place("shop/templates/route.yaml", 14, 11, ".Values.routes.b.v2, shop/values.yaml:2"),
    ]


def test_what_a_helmignore_names_is_no_part_of_the_chart() -> None:
    for name in ("route.yaml.bak.yaml", ".hidden.yaml", "drafts/a.yaml", "kept/drafts.yaml"):
        put(f"shop/templates/{name}", ROUTE.replace("{{ .Release.Name }}", name.replace("/", "-").strip(".")))
    put("shop/.helmignore", "# not these\n*.bak.yaml\n/templates/drafts/\ndrafts/\n")
    assert sorted(item.obj["metadata"]["name"] for item in read().objects) == ["kept-drafts.yaml", "shop"]


def test_a_dependency_that_was_not_loaded_is_told() -> None:
    about = "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies:\n- {name: part, version: 0.1.0}\n"
    put("shop/Chart.yaml", about)
    problem = single(read())
    assert "part of its dependencies is not in charts/" in problem.message
    assert problem.hint == "helm dependency update loads it"
    put("shop/charts/part/Chart.yaml", "apiVersion: v2\nname: part\nversion: 0.1.0\n")
    assert weights(read()) == [90, 10]


def test_a_dependency_may_be_switched_off() -> None:
    put("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\ndependencies:\n"
        "- {name: part, version: 0.1.0, condition: part.enabled}\n")  # fmt: skip
    put("shop/values.yaml", f"{VALUES}part: {{enabled: false}}\n")
    put("shop/charts/part/Chart.yaml", "apiVersion: v2\nname: part\nversion: 0.1.0\n")
    put("shop/charts/part/values.yaml", VALUES)
    put("shop/charts/part/templates/route.yaml", ROUTE.replace("{{ .Release.Name }}", "part"))
    assert weights(read()) == [90, 10]
    assert [item.obj["metadata"]["name"] for item in read(sets=("part.enabled=true",)).objects] == ["part", "shop"]


def test_a_library_is_refused_when_it_is_named_and_passed_by_on_the_way() -> None:
    put("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n")
    assert "it is a library" in single(read("lib")).message
    assert weights(read(".")) == [90, 10]


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a: {{ .Values.a.b }}\n", Place("shop/templates/bad.yaml", 1, 13), "nil pointer evaluating interface {}.b"),
        ("a: 1\nb: {{ nothing }}\n", Place("shop/templates/bad.yaml", 2, 1), 'function "nothing" not defined'),
        ('{{ fail "not like this" }}', Place("shop/templates/bad.yaml", 1, 3), "not like this"),
    ],
)
def test_what_cannot_be_rendered_is_told_at_its_line(text: str, where: Place, words: str) -> None:
    put("shop/templates/bad.yaml", text)
    problem = single(read())
    assert (problem.code, problem.where) == ("TNO207", where)
    assert words in problem.message


def test_output_that_is_no_yaml_is_told_at_its_line_of_the_template() -> None:
    put("shop/templates/bad.yaml", "{{- if true }}\na: 1\n\tb: 2\n{{- end }}\n")
    assert single(read()).where == Place("shop/templates/bad.yaml", 3, 1)


@pytest.mark.parametrize(
    ("values", "sets", "words"),
    [
        ("nowhere.yaml", (), "cannot read"),
        ("bad.yaml", (), "bad.yaml"),
        ("", ("a[x]=1",), "--set a[x]=1"),
        ("", ("a",), "--set a"),
    ],
)
def test_values_that_cannot_be_read_are_named(values: str, sets: tuple[str, ...], words: str) -> None:
    put("bad.yaml", "a: [\n")
    assert words in single(read(values=values, sets=sets)).message


def test_values_without_a_chart_are_told() -> None:
    put("k8s/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
    problem = single(read("k8s", sets=("a=1",)))
    assert (problem.code, problem.where) == ("TNO223", Place("k8s", 1, 1))


def test_hooks_notes_and_empty_templates_are_left_out() -> None:
    put("shop/templates/NOTES.txt", "thank you")
    put("shop/templates/off.yaml", "{{- if .Values.off }}\nkind: Service\n{{- end }}\n# nothing\n")
    put("shop/templates/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n")  # fmt: skip
    assert weights(read()) == [90, 10]
    assert len(read().objects) == 1


def test_a_chart_sees_that_istio_is_there() -> None:
    put("shop/templates/route.yaml", '{{- if .Capabilities.APIVersions.Has "networking.istio.io/v1/VirtualService" }}\n'
        f"{ROUTE}{{{{- end }}}}\n")  # fmt: skip
    assert weights(read()) == [90, 10]


def test_output_that_is_the_same_is_not_parsed_again_though_its_lines_have_moved() -> None:
    before = read_paths([Path("shop")])
    put("shop/templates/route.yaml", f"{{{{- /* a remark */ -}}}}\n{ROUTE}")
    after = read_paths([Path("shop")], before)
    assert after.objects[0].resource is before.objects[0].resource
    place = after.objects[0].document.place(("spec", "http", 0, "route", 1, "weight"))
    assert (place.line, place.via) == (13, ".Values.weights.v2, shop/values.yaml:3")


def test_without_helm_a_chart_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.inputs.helm.LIBRARY", "no_such_library")
    monkeypatch.setenv("PATH", "")
    problem = single(read())
    assert (problem.code, problem.where) == ("TNO208", Place("shop/Chart.yaml", 1, 1))
    assert "turnout[helm]" in (problem.hint or "")


def test_a_library_that_cannot_be_loaded_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("lib/broken_helm.py", "raise OSError('built for another machine')\n")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    monkeypatch.setattr("turnout.inputs.helm.LIBRARY", "broken_helm")
    monkeypatch.setenv("PATH", "")
    assert "built for another machine" in single(read()).message


def test_a_helm_on_the_path_renders_where_the_library_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("bin/helm", STAND_IN.format(python=sys.executable))
    Path("bin/helm").chmod(0o755)
    monkeypatch.setattr("turnout.inputs.helm.LIBRARY", "no_such_library")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    put("local.yaml", "weights: {v2: 40}\n")
    found = read(values="local.yaml")
    assert weights(found) == [90, 40]
    place = found.objects[0].document.place(("spec", "http", 0, "route", 1, "weight"))
    assert (place.file, place.line) == ("shop/templates/route.yaml", 12)
    put("shop/templates/bad.yaml", "a: 1\nb: {{ .Values.a.b }}\n")
    assert single(read()).where == Place("shop/templates/bad.yaml", 2, 13)


STAND_IN = """\
#!{python}
import sys
from pathlib import Path
from helm_python import Chart, HelmError, values_from_yaml

_, command, name, folder, *rest = sys.argv
assert command == "template" and "--namespace" in rest
files = [rest[i + 1] for i, word in enumerate(rest) if word == "--values"]
values = values_from_yaml(Path(files[0]).read_text()) if files else {{}}
try:
    with Chart.load(folder) as chart:
        for template, text in chart.render(values, name=name).items():
            print(f"---\\n# Source: {{template}}\\n{{text}}")
except HelmError as error:
    sys.exit(f"Error: {{error}}")
"""
