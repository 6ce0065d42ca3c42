"""YAML as it is to be read: of a file, or what was made of a chart or a kustomization."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from turnout.error import ProgramNotFound, TurnoutError
from turnout.inputs.chart import DEFAULT_NAMESPACE, MARKER, Release
from turnout.inputs.found import MAX_FILE_BYTES, TOO_MUCH, UNREADABLE, Found, read_text, shown, start
from turnout.inputs.kustomize import build
from turnout.inputs.rendered import render
from turnout.problem import Place, Problem
from turnout.resources.codes import problem
from turnout.resources.document import Origin

NOT_RENDERED: Final = "TNO207"
NO_HELM: Final = "TNO208"
NOT_BUILT: Final = "TNO209"

_PLACE: Final = re.compile(r"(?:^| at \()[^/\s()]+/(templates/[^\s:()]+):(\d+)(?::(\d+))?\)?")


class Rendering(Origin, Protocol):
    """Where a text comes from that is in no file."""

    def located(self, problem: Problem) -> Problem:
        """A problem of reading the text, in a file that a user can open."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is read as one file.

    `path`: the file, absolute; of a chart the template (in an archive, as if that were a folder); of a kustomization
    its file, and a number. With a `fault` there is no content. `namespace`: of objects that name none.
    """

    path: Path
    content: str
    namespace: str = DEFAULT_NAMESPACE
    origin: Rendering | None = None
    fault: Problem | None = None
    """Why there is no content."""


def texts(found: Found) -> Iterator[Text]:
    """All that was found, opened or rendered."""
    for file in found.files:
        yield _of_file(file)
    for chart, release in found.charts:
        yield from _of_chart(chart, release)
    for folder in found.kustomizations:
        yield from _of_kustomization(folder)


def _of_file(path: Path) -> Text:
    try:
        content = read_text(path)
    except OSError as error:
        hint = "check the path" if isinstance(error, FileNotFoundError) else None
        return Text(path, "", fault=problem(UNREADABLE, start(path), f"cannot read it: {error.strerror}", hint))
    if len(content.encode("utf-8", "surrogateescape")) > MAX_FILE_BYTES:
        message = f"the file is larger than {MAX_FILE_BYTES >> 20} MiB"
        return Text(path, "", fault=problem(TOO_MUCH, start(path), message))
    return Text(path, content)


def _of_chart(chart: Path, release: Release) -> Iterator[Text]:
    try:
        for template in render(chart, release):
            yield Text(template.path, template.content, release.namespace, template.origin)
    except ProgramNotFound as error:
        yield Text(chart, "", fault=problem(NO_HELM, start(_marker(chart)), error.message, error.hint))
    except TurnoutError as error:
        yield Text(chart, "", fault=_not_rendered(chart, error))


def _of_kustomization(folder: Path) -> Iterator[Text]:
    """An object is a text by itself: each comes from other files."""
    try:
        for index, (content, origin) in enumerate(build(folder)):
            yield Text(folder / f"kustomization.yaml#{index}", content, origin=origin)
    except (TurnoutError, OSError) as error:
        said, hint = (error.message, error.hint) if isinstance(error, TurnoutError) else (str(error), None)
        message = f"the kustomization {shown(folder)} cannot be built: {' '.join(said.split())}"
        yield Text(folder, "", fault=problem(NOT_BUILT, start(folder / "kustomization.yaml"), message, hint))


def _not_rendered(chart: Path, error: TurnoutError) -> Problem:
    """At the template's line, where Helm tells one: it begins with it, or has it in brackets."""
    found = _PLACE.search(error.message)
    where = Place(shown(chart / found[1]), int(found[2]), int(found[3] or 1)) if found else start(_marker(chart))
    said = (error.message.replace(found[0], "") if found else error.message).strip()
    message = f"the chart {shown(chart)} cannot be rendered: {' '.join(said.split())}"
    return problem(NOT_RENDERED, where, message, error.hint)


def _marker(chart: Path) -> Path:
    return chart / MARKER if chart.is_dir() else chart
