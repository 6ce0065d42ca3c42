"""`turnout init` writes a first configuration, fitted to the manifests that are there, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from turnout.cli import root
from turnout.control.manifests import Files
from turnout.control.world import World, world
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.gateway import Gateway
from turnout.resources.virtual_service import VirtualService

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 80}]
---
"""


def deployment(name: str, image: str, **labels: str) -> str:
    """A Deployment of the service `reviews`."""
    pairs = ", ".join(f'{key}: "{value}"' for key, value in {"app": "reviews", **labels}.items())
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{{pairs}}}}}
  template:
    metadata: {{labels: {{{pairs}}}}}
    spec: {{containers: [{{name: app, image: "{image}"}}]}}
---
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["init", *arguments])


def read(folder: Path) -> World:
    """What `turnout up` makes of the folder; there must not be a single problem in the files."""
    files = Files([folder])
    assert files.read(), files.problems
    assert files.problems == ()
    return world([manifest.resource for manifest in files.manifests.objects], ())


def rule(found: World) -> DestinationRule:
    return found.mesh.destination_rules[0]


def routes(found: World) -> VirtualService:
    return found.mesh.virtual_services[0]


def gateways(found: World) -> tuple[Gateway, ...]:
    return found.mesh.gateways


def labels(found: World) -> dict[str, dict[str, str]]:
    return {subset.name: dict(subset.labels) for subset in rule(found).spec.subsets}


def test_an_empty_folder_gets_subsets_by_version_and_all_traffic_on_the_old_one(project: Path) -> None:
    result = init("reviews", "v1", "v2")

    assert result.exit_code == 0, result.output
    found = read(project)
    assert labels(found) == {"v1": {"version": "v1"}, "v2": {"version": "v2"}}
    destinations = [(d.destination.subset, d.weight) for d in routes(found).spec.http[0].route if d.destination]
    assert destinations == [("v1", 100), ("v2", 0)]
    assert gateways(found) == ()
    assert "missing: a Service reviews" in result.output
    assert "turnout shift reviews v2=1" in result.output


def test_what_is_written_is_listed_and_reads_well(project: Path) -> None:
    result = init("reviews", "v1", "v2")

    assert result.output.splitlines()[:3] == [
        "wrote reviews-destination-rule.yaml",
        "wrote reviews-virtual-service.yaml",
        "wrote turnout.yaml",
    ]
    text = (project / "reviews-destination-rule.yaml").read_text()
    assert text == dedent(
        """\
        # The versions of reviews, told apart by a label of their pods.
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: reviews
        spec:
          host: reviews
          subsets:
            - name: v1
              labels:
                version: v1
            - name: v2
              labels:
                version: v2
        """
    )


def test_the_label_that_tells_the_versions_apart_is_taken_from_the_deployments(project: Path) -> None:
    blue = deployment("reviews-blue", "shop/reviews:1", color="blue", tier="web")
    green = deployment("reviews-green", "shop/reviews:2", color="green", tier="web")
    (project / "app.yaml").write_text(SERVICE + blue + green)

    result = init("reviews", "blue", "green")

    found = read(project)
    assert labels(found) == {"blue": {"color": "blue"}, "green": {"color": "green"}}
    assert "missing" not in result.output
    assert found.problems == ()


def test_label_values_that_yaml_takes_for_numbers_stay_texts(project: Path) -> None:
    old, new = deployment("reviews-v1", "one", release="1"), deployment("reviews-v2", "two", release="2")
    (project / "app.yaml").write_text(SERVICE + old + new)

    init("reviews", "v1", "v2")

    assert labels(read(project)) == {"v1": {"release": "1"}, "v2": {"release": "2"}}


def test_a_version_that_is_not_there_yet_takes_the_label_of_the_one_that_is(project: Path) -> None:
    (project / "app.yaml").write_text(SERVICE + deployment("reviews", "reviews", track="stable"))

    result = init("reviews", "stable", "next")

    assert labels(read(project)) == {"stable": {"track": "stable"}, "next": {"track": "next"}}
    assert "missing: a Deployment of next, its pods labelled track: next" in result.output


def test_images_whose_sources_are_recognised_are_filled_in_and_others_are_comments(project: Path) -> None:
    old, new = deployment("reviews-v1", "shop/reviews", version="v1"), deployment("v2", "shop/fast", version="v2")
    (project / "app.yaml").write_text(SERVICE + old + new)
    (project / "fast").mkdir()
    (project / "fast" / "go.mod").write_text("module fast\n")

    init("reviews", "v1", "v2")

    files = Files([project])
    assert files.read(), files.problems
    (image,) = files.settings.images
    assert (image.image, image.build, image.run) == ("shop/fast", "go build -o bin/app .", "bin/app")
    assert image.context == project / "fast"
    assert "  # shop/reviews:\n" in (project / "turnout.yaml").read_text()


def test_two_tags_of_one_image_are_told_apart(project: Path) -> None:
    old = deployment("reviews-v1", "shop/reviews:1.0", version="v1")
    new = deployment("reviews-v2", "shop/reviews:2.0", version="v2")
    (project / "app.yaml").write_text(SERVICE + old + new)
    for version in ("v1", "v2"):
        (project / version).mkdir()
        (project / version / "main.py").touch()

    init("reviews", "v1", "v2")

    files = Files([project])
    assert files.read(), files.problems
    assert [image.image for image in files.settings.images] == ["shop/reviews:1.0", "shop/reviews:2.0"]


def test_a_port_is_named_where_the_service_has_several(project: Path) -> None:
    several = SERVICE.replace("{name: http, port: 80}", "{name: tcp-admin, port: 81}, {name: http, port: 8000}")
    (project / "app.yaml").write_text(several)

    init("reviews", "v1", "v2")

    ports = [d.destination.port for d in routes(read(project)).spec.http[0].route if d.destination]
    assert [port.number for port in ports if port] == [8000, 8000]


def test_a_host_brings_a_gateway_and_is_routed_like_the_service(project: Path) -> None:
    init("reviews", "v1", "v2", "--host", "reviews.test")

    found = read(project)
    assert gateways(found)[0].spec.servers[0].hosts == ("reviews.test",)
    assert routes(found).spec.hosts == ("reviews", "reviews.test")
    assert routes(found).spec.gateways == ("mesh", "reviews")


def test_a_gateway_that_serves_the_host_already_is_used(project: Path) -> None:
    init("reviews", "v1", "v2", "--host", "*.test", "--dir", "gateway")
    (project / "gateway" / "reviews-gateway.yaml").rename(project / "gateway.yaml")
    for name in ("reviews-virtual-service.yaml", "reviews-destination-rule.yaml"):
        (project / "gateway" / name).unlink()

    result = init("reviews", "v1", "v2", "--host", "reviews.test")

    assert result.exit_code == 0, result.output
    assert not (project / "reviews-gateway.yaml").exists()
    assert routes(read(project)).spec.gateways == ("mesh", "default/reviews")


def test_another_namespace_is_written_down(project: Path) -> None:
    init("reviews", "v1", "v2", "-n", "shop")

    found = read(project)
    assert (rule(found).metadata.namespace, routes(found).metadata.namespace) == ("shop", "shop")


def test_nothing_is_overwritten_unless_forced(project: Path) -> None:
    mine = "# mine\n"
    (project / "turnout.yaml").write_text(mine)

    result = init("reviews", "v1", "v2")

    assert result.exit_code == 1
    assert "already there: turnout.yaml" in str(result.exception)
    assert [path.name for path in project.iterdir()] == ["turnout.yaml"]
    assert (project / "turnout.yaml").read_text() == mine

    assert init("reviews", "v1", "v2", "--force").exit_code == 0
    read(project)
    assert init("reviews", "v1", "v2", "--force").exit_code == 0, "what it wrote itself is no obstacle"


def test_a_turnout_yaml_that_says_how_to_run_the_images_is_left_alone(project: Path) -> None:
    old, new = deployment("reviews-v1", "one", version="v1"), deployment("reviews-v2", "two", version="v2")
    (project / "app.yaml").write_text(SERVICE + old + new)
    settings = "images: {one: {run: ./one}, two: {run: ./two}}\n"
    (project / "turnout.yaml").write_text(settings)

    result = init("reviews", "v1", "v2")

    assert result.exit_code == 0, result.output
    assert (project / "turnout.yaml").read_text() == settings


def test_a_second_virtual_service_for_a_host_is_refused_with_the_place_of_the_first(project: Path) -> None:
    init("reviews", "v1", "v2")
    (project / "reviews-virtual-service.yaml").rename(project / "routes.yaml")
    (project / "turnout.yaml").unlink()

    result = init("reviews", "v1", "v2")

    assert result.exit_code == 1
    assert "reviews has a VirtualService already: routes.yaml:3:1" in str(result.exception)


def test_manifests_with_errors_are_not_built_upon(project: Path) -> None:
    (project / "app.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: [\n")

    result = init("reviews", "v1", "v2")

    assert result.exit_code == 1
    assert "app.yaml:" in str(result.exception)
    assert not (project / "turnout.yaml").exists()


@pytest.mark.parametrize("arguments", [("Reviews", "v1", "v2"), ("reviews", "v1", "v 2"), ("reviews", "v1", "v1")])
def test_names_that_kubernetes_or_istio_would_refuse_are_wrong_usage(project: Path, arguments: tuple[str, ...]) -> None:
    assert init(*arguments).exit_code == 2
    assert list(project.iterdir()) == []


def test_a_host_that_is_none_is_wrong_usage(project: Path) -> None:
    assert init("reviews", "v1", "v2", "--host", "not a host").exit_code == 2
    assert list(project.iterdir()) == []
