"""turnout.yaml: how an image is run as a process on this machine, and where gateways listen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from turnout.inputs.align import canonical
from turnout.inputs.form import WRONG_TYPE, Form, Keys
from turnout.inputs.sources import EVERYTHING, is_glob
from turnout.problem import Place, Problem, errors
from turnout.resources.codes import problem
from turnout.resources.reader import read

FILE_NAME: Final = "turnout.yaml"

NO_WAY_TO_RUN: Final = "TNO212"
RUN_AND_ATTACH: Final = "TNO213"
BAD_ADDRESS: Final = "TNO214"
NO_CONTEXT: Final = "TNO215"
NO_EFFECT: Final = "TNO216"
BAD_PORT: Final = "TNO217"
BAD_GLOB: Final = "TNO218"

TOP_KEYS: Final = ("images", "gatewayPorts")
IMAGE_KEYS: Final = ("context", "build", "run", "watch", "attach", "dockerfile")
DOCKERFILES: Final = ("Dockerfile", "Containerfile")


@dataclass(frozen=True, slots=True)
class ImageRun:
    """One image's way to run: either `run` (with `context`, `build`, `watch`) or `attach` (`host:port`) is set.

    Neither, if it has only a `dockerfile`: how it is built as a container. `context` is where `build` and `run` work
    and what `watch` globs are relative to; it exists. `place` is that of `run` or `attach`.
    """

    image: str
    context: Path
    place: Place
    build: str | None = None
    run: str | tuple[str, ...] | None = None
    watch: tuple[str, ...] = EVERYTHING
    attach: str | None = None
    dockerfile: Path | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """What skaffold.yaml says of an image: the folder it is built from, and its Dockerfile where there is one."""

    image: str
    context: Path
    place: Place
    dockerfile: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What turnout.yaml says. `gateway_ports`: a Gateway server's port to the port to listen on."""

    images: tuple[ImageRun, ...] = ()
    gateway_ports: Mapping[int, int] = field(default_factory=dict)


def read_images(text: str, file: str, artifacts: Sequence[Artifact] = ()) -> tuple[Settings, list[Problem]]:
    """The settings as far as they are right, and all that is wrong. Folders are relative to that of `file`.

    `artifacts` say what is left unsaid of the same image, and how others are built.
    """
    documents, problems = read(text, file) if text.strip() else ([], [])
    if not documents:
        return Settings(built(artifacts)), problems
    form = Form(documents[0], problems)
    for document in documents[1:]:
        hint = "join the parts under one `images:`"
        problems.append(problem(WRONG_TYPE, document.place(), "a second document; one is enough", hint))
    form.known_keys((), documents[0].data, TOP_KEYS)
    images = form.mapping(("images",))
    folder = Path(file).parent
    runs = [_image(form, str(image), ("images", image), folder, _artifact(artifacts, str(image))) for image in images]
    named = {split_image(str(image))[0] for image in images}
    others = built(artifact for artifact in artifacts if split_image(artifact.image)[0] not in named)
    return Settings((*(run for run in runs if run), *others), dict(_ports(form))), problems


def built(artifacts: Iterable[Artifact]) -> tuple[ImageRun, ...]:
    """Images that only skaffold.yaml names: they can be built, and run as containers."""
    return tuple(ImageRun(item.image, item.context, item.place, dockerfile=item.dockerfile) for item in artifacts)


def _artifact(artifacts: Sequence[Artifact], image: str) -> Artifact | None:
    name = split_image(image)[0]
    return next((artifact for artifact in artifacts if split_image(artifact.image)[0] == name), None)


def find(images: Sequence[ImageRun], image_ref: str) -> ImageRun | None:
    """The way to run a Deployment's image: one that names its tag, else one that names no tag."""
    name, tag = split_image(image_ref)
    ways = {split_image(run.image): run for run in reversed(images)}
    return ways.get((name, tag or "latest")) or ways.get((name, ""))


def split_image(image_ref: str) -> tuple[str, str]:
    """Name and tag (or digest); tag "" where there is none. A registry's port is no tag."""
    reference, _, digest = image_ref.partition("@")
    folder, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    full = (folder + slash + name).removeprefix("docker.io/").removeprefix("library/")
    return full, tag or digest


def _image(form: Form, image: str, path: Keys, folder: Path, artifact: Artifact | None) -> ImageRun | None:
    """None when something is wrong with it, which is then reported."""
    before = len(form.problems)
    value = {key: item for key, item in form.mapping(path).items() if item is not None}
    form.known_keys(path, value, IMAGE_KEYS)
    attach = _attach(form, (*path, "attach"))
    run = _run(form, (*path, "run"))
    context = _context(form, (*path, "context"), folder, artifact)
    dockerfile = _dockerfile(form, (*path, "dockerfile"), context, artifact)
    if "run" in value and "attach" in value:
        form.report(
            RUN_AND_ATTACH, (*path, "attach"), f"image `{image}` has both `run` and `attach`", "keep one of them"
        )
    elif "attach" in value:
        _report_idle_keys(form, path, value)
    elif run is None and dockerfile is None and len(form.problems) == before:
        form.report(NO_WAY_TO_RUN, path, f"image `{image}` has neither `run` nor `attach`")
    watch = _watch(form, (*path, "watch"))
    build = form.text((*path, "build"))
    if errors(form.problems[before:]):
        return None
    place = form.document.place((*path, "attach" if attach else "run") if run or attach else path)
    return ImageRun(image, context, place, build, run, watch, attach, dockerfile)


def _run(form: Form, path: Keys) -> str | tuple[str, ...] | None:
    return form.texts(path) if isinstance(form.value(path), list) else form.text(path)


def _attach(form: Form, path: Keys) -> str | None:
    value = form.value(path)
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if value is None or (bare and "/" not in host and (bare == host) == (":" not in bare) and _is_port(port)):
        return None if value is None else str(value)
    form.report(BAD_ADDRESS, path, f"`{value}` is not a host and a port")
    return None


def _report_idle_keys(form: Form, path: Keys, value: Mapping[str, Any]) -> None:
    for key in ("context", "build", "watch", "dockerfile"):
        if key in value:
            form.report(NO_EFFECT, (*path, key), f"`{key}` has no effect beside `attach`")


def _context(form: Form, path: Keys, folder: Path, artifact: Artifact | None) -> Path:
    named = form.text(path)
    if named is None and artifact is not None:
        return artifact.context
    context = folder / (named or ".")
    if not context.is_dir():
        what = "is not a folder" if context.exists() else "does not exist"
        form.report(NO_CONTEXT, path, f"context `{context}` {what}")
    return context.absolute()


def _dockerfile(form: Form, path: Keys, context: Path, artifact: Artifact | None) -> Path | None:
    """The one that is named, counted from the context; else the artifact's, or the context's own, if it has one."""
    named = form.text(path)
    if named is None and artifact is not None and artifact.dockerfile is not None:
        return artifact.dockerfile
    if named is None:
        return next((file for name in DOCKERFILES if (file := context / name).is_file()), None)
    if not (context / named).is_file():
        form.report(NO_CONTEXT, path, f"dockerfile `{context / named}` does not exist")
    return context / named


def _watch(form: Form, path: Keys) -> tuple[str, ...]:
    value = form.value(path)
    globs = (value,) if isinstance(value, str) else form.texts(path)
    for index, glob in enumerate(globs or ()):
        if not is_glob(glob):
            place = path if isinstance(value, str) else (*path, index)
            form.report(BAD_GLOB, place, f"`{glob}` matches no file")
    return globs or EVERYTHING


def _ports(form: Form) -> Iterator[tuple[int, int]]:
    for port, listen in form.mapping(("gatewayPorts",)).items():
        if _is_port(port) and _is_port(listen):
            yield int(port), int(listen)
        else:
            form.report(BAD_PORT, ("gatewayPorts", port), f"`{port}: {canonical(listen)}` are not two ports")


def _is_port(value: Any) -> bool:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535
