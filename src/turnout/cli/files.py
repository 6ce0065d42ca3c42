"""Weights written into the YAML files that the objects came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from turnout.client import Client
from turnout.delivery.edit import Edit
from turnout.error import ApiError
from turnout.inputs.apply import source_of
from turnout.inputs.chart import is_chart
from turnout.inputs.edit import set_values
from turnout.inputs.found import read_text, shown
from turnout.inputs.write import write_atomically
from turnout.problem import Problem
from turnout.resources.document import Spot
from turnout.resources.reader import read

Change = tuple[Spot, Any]
"""What a value becomes."""


def write_values(edits: Sequence[Edit], before: Sequence[Mapping[str, Any]], client: Client) -> list[str]:
    """Writes each edit's fields into its file; returns what could not be written, and why.

    Of what a chart or a kustomization made it is the values, or the patch, where the running Turnout knows which.
    """
    objects = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in before}
    changes: list[Change] = []
    failures = []
    for edit in edits:
        source = source_of(objects[edit.kind, edit.namespace, edit.name])
        if source is None:
            failures.append(f"{edit.kind} {edit.namespace}/{edit.name} came from no file, so none was changed")
        elif _is_made(Path(source[0])):
            failures += _of_made(edit, client, changes)
        else:
            changes += [(Spot(*source, field.path), field.after) for field in edit.fields]
    return [*failures, *_written(changes)]


def _is_made(path: Path) -> bool:
    """Whether it is a template, or one of the objects of a kustomization: no YAML that could be changed."""
    return not path.is_file() or any(is_chart(folder) for folder in path.parents)


def _of_made(edit: Edit, client: Client, changes: list[Change]) -> Iterator[str]:
    """Adds the changes that have a place; gives what has none."""
    asked = {"kind": edit.kind, "namespace": edit.namespace, "name": edit.name}
    try:
        spots = client.post("written", asked | {"paths": [list(field.path) for field in edit.fields]})
    except ApiError as error:
        yield f"{edit.kind} {edit.namespace}/{edit.name}: {error.message}"
        return
    for field, spot in zip(edit.fields, spots, strict=True):
        if spot is None:
            name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in field.path).lstrip(".")
            yield f"{edit.kind} {edit.namespace}/{edit.name}: no file of values says `{name}`, so none was changed"
        else:
            changes.append((Spot(spot["file"], spot["index"], tuple(spot["path"])), field.after))


def _written(changes: Iterable[Change]) -> Iterator[str]:
    """A file is written once; gives what went wrong."""
    files: dict[str, dict[int, dict[Any, Any]]] = {}
    for spot, value in changes:
        files.setdefault(spot.file, {}).setdefault(spot.index, {})[spot.path] = value
    for file, documents in files.items():
        yield from _write(Path(file), documents)


def _write(path: Path, changes: Mapping[int, Mapping[Any, Any]]) -> Iterator[str]:
    try:
        text = read_text(path)
        for index, values in changes.items():
            documents, _ = read(text, shown(path))
            changed = set_values(text, documents[index], values)
            if isinstance(changed, Problem):
                yield str(changed)
                return
            text = changed
        write_atomically(path, text)
    except (OSError, ValueError, IndexError) as error:
        yield f"cannot write {shown(path)}: {error}"
    else:
        click.echo(f"wrote {shown(path)}")
