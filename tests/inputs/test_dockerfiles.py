"""Which Dockerfile an image of turnout.yaml is built from."""

from __future__ import annotations

from pathlib import Path

import pytest

from turnout.inputs.images import read_images


@pytest.fixture
def file(tmp_path: Path) -> str:
    for name in ("app/Dockerfile", "app/other/My.Dockerfile", "old/Containerfile", "bare/main.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return str(tmp_path / "turnout.yaml")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("{context: app}", "app/Dockerfile"),
        ("{context: app, run: ./app}", "app/Dockerfile"),
        ("{context: app, dockerfile: other/My.Dockerfile}", "app/other/My.Dockerfile"),
        ("{context: old}", "old/Containerfile"),
        ("{context: bare, run: python main.py}", None),
    ],
)
def test_the_contexts_own_unless_another_is_named(file: str, image: str, found: str | None) -> None:
    settings, problems = read_images(f"images: {{a: {image}}}", file)
    assert problems == []
    (run,) = settings.images
    assert run.dockerfile == (Path(file).parent / found if found else None)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("{context: bare}", "TNO212"),
        ("{context: app, dockerfile: Nowhere}", "TNO215"),
        ("{attach: '127.0.0.1:9', dockerfile: Dockerfile}", "TNO216"),
    ],
)
def test_what_is_wrong_is_told(file: str, image: str, code: str) -> None:
    assert code in [problem.code for problem in read_images(f"images: {{a: {image}}}", file)[1]]
