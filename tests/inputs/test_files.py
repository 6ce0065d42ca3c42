"""Manifests from files and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnout.inputs.apply import source_of
from turnout.inputs.files import Manifests, read_paths
from turnout.inputs.found import read_text, settings_file
from turnout.problem import Place, Problem, Severity, errors
from turnout.resources.virtual_service import VirtualService

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: 80}]}\n"
VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cluster, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews}}]
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(manifests: Manifests) -> list[str]:
    return [manifest.obj["metadata"]["name"] for manifest in manifests.objects]


def single(manifests: Manifests) -> Problem:
    (problem,) = manifests.problems
    return problem


def test_folders_are_read_in_order_without_what_is_not_meant() -> None:
    for name in ("k8s/b.yaml", "k8s/a.yml", "k8s/deep/c.yaml"):
        put(name, SERVICE % Path(name).stem)
    for_commands = ("k8s/turnout.yaml", "k8s/expectations.yaml", "k8s/deep/rollout.yaml")
    for name in ("k8s/.git/d.yaml", "k8s/.e.yaml", *for_commands, "k8s/notes.txt", "k8s/node_modules/f.yaml"):
        put(name, SERVICE % "not-meant")
    found = read_paths([Path("k8s")])
    assert names(found) == ["a", "b", "c"]
    assert found.problems == ()
    assert found.files == tuple(Path.cwd() / name for name in ("k8s/a.yml", "k8s/b.yaml", "k8s/deep/c.yaml"))


def test_an_object_knows_its_namespace_its_source_and_its_type(project: Path) -> None:
    put("all.yaml", f"{SERVICE % 'reviews'}---\n{VIRTUAL_SERVICE}")
    service, virtual_service = read_paths([Path("all.yaml")]).objects
    assert service.obj["metadata"]["namespace"] == service.resource.metadata.namespace == "default"
    assert virtual_service.obj["metadata"]["namespace"] == "shop"
    assert source_of(virtual_service.obj) == (str(project / "all.yaml"), 1)
    assert isinstance(virtual_service.resource, VirtualService)
    assert virtual_service.document.place(("spec", "hosts")) == Place("all.yaml", 10, 3)


def test_a_namespace_is_in_no_namespace() -> None:
    put("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    assert "namespace" not in read_paths([Path("ns.yaml")]).objects[0].obj["metadata"]


def test_a_file_named_twice_is_read_once() -> None:
    put("k8s/a.yaml", SERVICE % "a")
    assert names(read_paths([Path("k8s"), Path("k8s/a.yaml"), Path("k8s")])) == ["a"]


def test_links_that_form_a_ring_end() -> None:
    put("k8s/a.yaml", SERVICE % "a")
    Path("k8s/ring").symlink_to("..")
    assert names(read_paths([Path("k8s")])) == ["a"]


def test_one_mistake_keeps_its_whole_file_back_and_no_other(project: Path) -> None:
    put("k8s/bad.yaml", f"{SERVICE % 'a'}---\n{VIRTUAL_SERVICE.replace('hosts', 'host')}")
    put("k8s/good.yaml", SERVICE % "b")
    found = read_paths([Path("k8s")])
    assert names(found) == ["b"]
    assert found.broken == {str(project / "k8s/bad.yaml")}
    assert [problem.where for problem in errors(found.problems)] == [Place("k8s/bad.yaml", 10, 3)]


def test_the_same_object_twice_is_an_error_that_names_both_places(project: Path) -> None:
    put("k8s/a.yaml", SERVICE % "a")
    put("k8s/copy.yaml", f"{SERVICE % 'b'}---\n{SERVICE % 'a'}")
    put("k8s/other.yaml", SERVICE % "c")
    found = read_paths([Path("k8s")])
    problem = single(found)
    assert problem.code == "TNO204"
    assert problem.message == "Service default/a is also in k8s/a.yaml:1:1"
    assert problem.where == Place("k8s/copy.yaml", 6, 1)
    assert names(found) == ["c"]
    assert found.broken == {str(project / "k8s/a.yaml"), str(project / "k8s/copy.yaml")}


def test_a_path_that_does_not_exist_is_a_problem_of_that_path(project: Path) -> None:
    found = read_paths([Path("missing.yaml")])
    assert (single(found).code, single(found).where) == ("TNO201", Place("missing.yaml", 1, 1))
    assert found.broken == {str(project / "missing.yaml")}


def test_other_yaml_is_a_warning_and_no_failure() -> None:
    put("k8s/values.yaml", "\nreplicas: 3\n")
    found = read_paths([Path("k8s")])
    assert (single(found).code, single(found).severity) == ("TNO203", Severity.WARNING)
    assert single(found).where == Place("k8s/values.yaml", 2, 1)
    assert found.broken == frozenset()


def test_an_unknown_kind_is_a_warning_and_the_rest_is_read() -> None:
    put("a.yaml", f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: x}}\n---\n{SERVICE % 'a'}")
    found = read_paths([Path("a.yaml")])
    assert single(found).severity is Severity.WARNING
    assert names(found) == ["a"]


def test_a_folder_without_manifests_is_a_warning() -> None:
    Path("empty").mkdir()
    assert (single(read_paths([Path("empty")])).code, single(read_paths([Path("empty")])).severity) == (
        "TNO205",
        Severity.WARNING,
    )


def test_bytes_that_are_no_text_are_named() -> None:
    Path("latin.yaml").write_bytes(b"apiVersion: v1\nkind: \xe4\n")
    problem = single(read_paths([Path("latin.yaml")]))
    assert problem.severity is Severity.ERROR
    assert problem.where == Place("latin.yaml", 2, 7)


def test_a_huge_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.inputs.text.MAX_FILE_BYTES", 10)
    put("huge.yaml", SERVICE % "a")
    assert single(read_paths([Path("huge.yaml")])).code == "TNO202"


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.inputs.found.MAX_FILES", 1)
    put("k8s/a.yaml", SERVICE % "a")
    put("k8s/b.yaml", SERVICE % "b")
    found = read_paths([Path("k8s")])
    assert single(found).code == "TNO202"
    assert len(found.files) == 1


def test_a_file_that_says_the_same_is_not_parsed_again() -> None:
    put("k8s/a.yaml", SERVICE % "a")
    put("k8s/b.yaml", SERVICE % "b")
    before = read_paths([Path("k8s")])
    put("k8s/b.yaml", SERVICE % "c")
    os.utime("k8s/a.yaml")
    after = read_paths([Path("k8s")], before)
    assert after.objects[0] is before.objects[0]
    assert names(after) == ["a", "c"]


def test_line_ends_survive_reading() -> None:
    Path("dos.yaml").write_bytes(b"a: 1\r\n")
    assert read_text(Path("dos.yaml")) == "a: 1\r\n"


def test_settings_lie_beside_the_manifests_or_above_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("project/k8s/deep/a.yaml", "")
    monkeypatch.chdir(tmp_path / "project")
    (tmp_path / "turnout.yaml").touch()
    assert settings_file([Path("k8s/deep")]) is None
    put("turnout.yaml", "")
    assert settings_file([Path("k8s/deep/a.yaml")]) == tmp_path / "project" / "turnout.yaml"
    put("k8s/turnout.yaml", "")
    assert settings_file([Path("k8s/deep")]) == tmp_path / "project" / "k8s" / "turnout.yaml"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert settings_file([tmp_path / "project" / "k8s" / "deep"]) == tmp_path / "project" / "k8s" / "turnout.yaml"
