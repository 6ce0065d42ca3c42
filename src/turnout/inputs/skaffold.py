"""skaffold.yaml: which images are built from where, and which manifests and charts are deployed. A subset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnout.inputs.chart import Release
from turnout.inputs.form import Form, Keys
from turnout.inputs.images import Artifact, split_image
from turnout.problem import Problem
from turnout.resources.reader import read

FILE_NAMES: Final = ("skaffold.yaml", "skaffold.yml")

NOT_USED: Final = "TNO221"
NOT_USABLE: Final = "TNO222"

_IDLE: Final = (
    ("profiles", "the rest of the file is taken as it is"),
    ("requires", "name the other folders beside this one"),
    ("test", None),
    ("verify", None),
    ("customActions", None),
)
"""What would change what runs, or be run, and is not carried out."""

_TEMPLATE: Final = re.compile(
    r"\{\{\s*\.(IMAGE_REPO|IMAGE_TAG|IMAGE_DIGEST|IMAGE_NAME|IMAGE_FULLY_QUALIFIED)(?:_(\w+))?\s*\}\}"
)


@dataclass(slots=True)
class Skaffold:
    """All that the configurations of one file say. Paths are absolute; `globs` are of manifests."""

    artifacts: list[Artifact]
    globs: list[tuple[Path, str]]
    charts: list[tuple[Path, Release]]
    kustomizations: list[Path]


def skaffold_file(path: Path) -> Path | None:
    """The path itself, or the one in the folder."""
    if path.name in FILE_NAMES:
        return path if path.is_file() else None
    return next((file for name in FILE_NAMES if (file := path / name).is_file()), None)


def read_skaffold(text: str, file: str, asked: Release) -> tuple[Skaffold, list[Problem]]:
    """What it says, and what is wrong with it. Values that were `asked` for go before its own."""
    documents, problems = read(text, file)
    found = Skaffold([], [], [], [])
    for document in documents:
        _Reader(Form(document, problems), Path(file).absolute().parent, asked).read(found)
    return found, problems


class _Reader:
    """Reads one configuration."""

    def __init__(self, form: Form, folder: Path, asked: Release) -> None:
        self.form = form
        self.folder = folder
        self.asked = asked

    def read(self, found: Skaffold) -> None:
        form = self.form
        form.mapping(("build",))
        found.artifacts += filter(None, map(self._artifact, self._each("build", "artifacts")))
        for path in (("manifests", "rawYaml"), ("deploy", "kubectl", "manifests")):
            found.globs += [(self.folder, glob) for glob in form.texts(path) or ()]
        for path in (("manifests", "kustomize", "paths"), ("deploy", "kustomize", "paths")):
            found.kustomizations += [self.folder / name for name in form.texts(path) or ()]
        for path in (("manifests", "helm", "releases"), ("deploy", "helm", "releases")):
            found.charts += filter(None, (self._chart(release, found) for release in self._each(*path)))
        for key, hint in _IDLE:
            if form.value((key,)):
                form.report(NOT_USED, (key,), f"`{key}` of skaffold.yaml has no effect here", hint)

    def _each(self, *path: str | int) -> Iterator[Keys]:
        return ((*path, index) for index in self.form.items(path))

    def _artifact(self, path: Keys) -> Artifact | None:
        form = self.form
        image = form.text((*path, "image"))
        if image is None:
            form.report(NOT_USABLE, path, "an artifact of skaffold.yaml has no `image`")
            return None
        context = (self.folder / (form.text((*path, "context")) or ".")).resolve()
        if not context.is_dir():
            form.report(NOT_USABLE, (*path, "context"), f"context `{context}` does not exist")
            return None
        named = form.text((*path, "docker", "dockerfile"))
        dockerfile = context / (named or "Dockerfile")
        if named and not dockerfile.is_file():
            form.report(NOT_USABLE, (*path, "docker", "dockerfile"), f"dockerfile `{dockerfile}` does not exist")
        exists = dockerfile.is_file()
        return Artifact(image, context, form.document.place((*path, "image")), dockerfile if exists else None)

    def _chart(self, path: Keys, found: Skaffold) -> tuple[Path, Release] | None:
        form = self.form
        name, chart = form.text((*path, "name")), form.text((*path, "chartPath"))
        if name is None or chart is None:
            remote = form.value((*path, "remoteChart"))
            what = "is a remote chart" if remote else "has no `name`" if name is None else "has no `chartPath`"
            hint = "helm pull --untar, and `chartPath` in its place" if remote else None
            form.report(NOT_USABLE, path, f"a release of skaffold.yaml {what}", hint)
            return None
        files = [self.folder / file for file in form.texts((*path, "valuesFiles")) or ()]
        overrides = form.mapping((*path, "overrides"))
        return self.folder / chart, Release(
            _filled(name, found.artifacts),
            form.text((*path, "namespace")) or self.asked.namespace,
            (*files, *self.asked.values),
            (*self._sets(path, found), *self.asked.sets),
            json.dumps(overrides) if overrides else "",
        )

    def _sets(self, path: Keys, found: Skaffold) -> Iterator[str]:
        """As `--set` has them."""
        form = self.form
        for key, value in _flat(form.mapping((*path, "setValues"))):
            yield f"{key}={_escaped(value)}"
        in_parts = "helm" in form.mapping((*path, "imageStrategy"))
        for key, image in _flat(form.mapping((*path, "artifactOverrides"))):
            name, tag = split_image(str(image))
            yield f"{key}.repository={name},{key}.tag={tag or 'latest'}" if in_parts else f"{key}={_escaped(image)}"
        for key, value in _flat(form.mapping((*path, "setValueTemplates"))):
            filled = _filled(str(value), found.artifacts)
            if "{{" in filled:
                step = (*path, "setValueTemplates", key)
                form.report(
                    NOT_USED, step, f"`{value}` names what is not known here", "only images' names and tags are"
                )
            else:
                yield f"{key}={_escaped(filled)}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as `a.b`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _escaped(value: Any) -> str:
    """A comma would begin the next setting."""
    text = {True: "true", False: "false", None: "null"}.get(value, value) if isinstance(value, bool | None) else value
    return str(text).replace("\\", "\\\\").replace(",", "\\,")


def _filled(text: str, artifacts: list[Artifact]) -> str:
    """With the names of images: here they are not tagged anew, nor have they a digest."""

    def value(found: re.Match[str]) -> str:
        names = {re.sub(r"\W", "_", item.image): item.image for item in artifacts}
        image = names.get(found[2]) if found[2] else next(iter(names.values()), None)
        if image is None:
            return found[0]
        name, tag = split_image(image)
        return {"IMAGE_TAG": tag or "latest", "IMAGE_DIGEST": "", "IMAGE_REPO": name}.get(found[1], image)

    return _TEMPLATE.sub(value, text).removesuffix("@")
