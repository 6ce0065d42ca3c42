"""turnout.yaml: what it says, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.inputs.images import ImageRun, Settings, find, read_images
from turnout.problem import Place, Severity

COMPLETE = """\
images:
  rewrite-app-with-istio:
    context: app
    build: go build -o bin/v2 .
    run: python app.py
    watch: ["**/*.py"]
  other:v2:
    run: [python, app.py, --port, 80]
  legacy: {attach: "127.0.0.1:9000"}
gatewayPorts: {80: 8080, "443": 8443}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "app").mkdir()
    (tmp_path / "readme.txt").touch()
    return str(tmp_path / "turnout.yaml")


def test_a_complete_file_is_read(file: str) -> None:
    settings, problems = read_images(COMPLETE, file)
    folder = Path(file).parent
    assert problems == []
    assert settings.gateway_ports == {80: 8080, 443: 8443}
    assert settings.images == (
        ImageRun(
            "rewrite-app-with-istio",
            folder / "app",
            Place(file, 5, 5),
            build="go build -o bin/v2 .",
            run="python app.py",
            watch=("**/*.py",),
        ),
        ImageRun("other:v2", folder, Place(file, 8, 5), run=("python", "app.py", "--port", "80")),
        ImageRun("legacy", folder, Place(file, 9, 12), attach="127.0.0.1:9000"),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "images:\n", "images: {}\n", "gatewayPorts:\n"])
def test_no_image_is_fine(file: str, text: str) -> None:
    assert read_images(text, file) == (Settings(), [])


@pytest.mark.parametrize(
    ("text", "where", "code", "message", "hint"),
    [
        ("image:\n  a: {run: x}", (1, 1), "TNO210", "unknown key `image`", "did you mean `images`?"),
        ("images:\n  a:\n    run: x\n    wacth: y", (4, 5), "TNO210", "unknown key `wacth`", "did you mean `watch`?"),
        ("images:\n  a:\n    rum: x", (3, 5), "TNO210", "unknown key `rum`", "did you mean `run`?"),
        ("images:\n  a:\n    run: x\n    zzz: y", (4, 5), "TNO210", "unknown key `zzz`", "known here: context, build"),
        ("images:\n  a:\n    context: app", (2, 3), "TNO212", "neither `run` nor `attach`", "add `run: COMMAND`"),
        ("images:\n  a:", (2, 3), "TNO212", "neither `run` nor `attach`", "add `run: COMMAND`"),
        ("images:\n  a: {run: x, attach: 'h:1'}", (2, 15), "TNO213", "both `run` and `attach`", "keep one"),
        ("images:\n  a: {attach: 9000}", (2, 7), "TNO214", "`9000` is not a host and a port", "127.0.0.1:9000"),
        ("images:\n  a: {attach: 'localhost'}", (2, 7), "TNO214", "not a host and a port", "127.0.0.1:9000"),
        ("images:\n  a: {attach: 'h:70000'}", (2, 7), "TNO214", "not a host and a port", "127.0.0.1:9000"),
        ("images:\n  a: {attach: 'http://h:80'}", (2, 7), "TNO214", "not a host and a port", "127.0.0.1:9000"),
        ("images:\n  a: {attach: '::1:80'}", (2, 7), "TNO214", "not a host and a port", "127.0.0.1:9000"),
        (
            "images:\n  a:\n    run: x\n    context: ap",
            (4, 5),
            "TNO215",
            "/ap` does not exist",
            "relative to the folder",
        ),
        ("images:\n  a:\n    run: x\n    context: readme.txt", (4, 5), "TNO215", "is not a folder", "relative to"),
        (
            "images:\n  a: {run: x, watch: ['[z-a]']}",
            (2, 23),
            "TNO218",
            "`[z-a]` matches no file",
            "relative to `context`",
        ),
        ("images: [a]", (1, 1), "TNO211", "`images` has to be a mapping, not a list", None),
        ("images:\n  a: x", (2, 3), "TNO211", "`images.a` has to be a mapping, not a text", None),
        ("images:\n  a: {run: 5}", (2, 7), "TNO211", "`images.a.run` has to be a text, not a number", None),
        ("images:\n  a: {run: ''}", (2, 7), "TNO211", "has to be a text, not an empty text", None),
        ("images:\n  a: {run: x, build: []}", (2, 15), "TNO211", "`images.a.build` has to be a text, not a list", None),
        ("images:\n  a: {run: [x, {}]}", (2, 7), "TNO211", "has to be a list of texts", None),
        ("gatewayPorts: {80: yes}", (1, 16), "TNO217", "`80: true` are not two ports", "80: 8080"),
        ("gatewayPorts: {http: 8080}", (1, 16), "TNO217", "`http: 8080` are not two ports", "80: 8080"),
        ("images: {}\n---\nimages: {}", (3, 1), "TNO211", "one is enough", "join"),
        ("images:\n\ta: 1", (2, 1), "TNO003", "tab", "spaces"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_hint(
    file: str, text: str, where: tuple[int, int], code: str, message: str, hint: str | None
) -> None:
    settings, (problem,) = read_images(text, file)
    assert settings == Settings()
    assert (problem.code, problem.severity) == (code, Severity.ERROR)
    assert problem.where == Place(file, *where)
    assert message in problem.message
    assert (hint or "") in (problem.hint or "")


def test_right_images_are_kept_beside_wrong_ones(file: str) -> None:
    settings, problems = read_images("images:\n  a: {run: x}\n  b: {}\n", file)
    assert [run.image for run in settings.images] == ["a"]
    assert [problem.code for problem in problems] == ["TNO212"]


def test_keys_without_effect_are_a_warning(file: str) -> None:
    settings, (problem,) = read_images("images:\n  a: {attach: '[::1]:80', build: make}\n", file)
    assert (problem.code, problem.severity) == ("TNO216", Severity.WARNING)
    assert settings.images[0].attach == "[::1]:80"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("app", "app"),
        ("app:v1", "app"),
        ("app:v2", "app:v2"),
        ("app@sha256:00", "app"),
        ("docker.io/library/app:v2", "app:v2"),
        ("app:v2@sha256:00", "app:v2"),
        ("localhost:5000/x/app:v2", "localhost:5000/x/app"),
        ("only", "only:latest"),
        ("only:latest", "only:latest"),
        ("only:v1", None),
        ("app2", None),
        ("x/app", None),
    ],
)
def test_a_deployments_image_finds_its_way_to_run(image: str, found: str | None) -> None:
    place = Place("turnout.yaml", 1, 1)
    names = ("app", "app:v2", "localhost:5000/x/app", "only:latest")
    run = find([ImageRun(name, Path(), place, run="x") for name in names], image)
    assert (run.image if run else None) == found
