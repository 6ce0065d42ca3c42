"""Weights written into the YAML files that the objects came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from turnout.delivery.edit import Edit
from turnout.inputs.apply import source_of
from turnout.inputs.edit import set_values
from turnout.inputs.found import read_text, shown
from turnout.inputs.write import write_atomically
from turnout.problem import Problem
from turnout.resources.reader import read


def write_values(edits: Sequence[Edit], before: Sequence[Mapping[str, Any]]) -> list[str]:
    """Writes each edit's fields into its file; returns what could not be written, and why."""
    objects = {(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in before}
    failures = []
    for edit in edits:
        source = source_of(objects[edit.kind, edit.namespace, edit.name])
        if source is None:
            failures.append(f"{edit.kind} {edit.namespace}/{edit.name} came from no file, so none was changed")
            continue
        failures += _write(Path(source[0]), source[1], edit)
    return failures


def _write(path: Path, index: int, edit: Edit) -> list[str]:
    try:
        text = read_text(path)
        documents, _ = read(text, shown(path))
        changed = set_values(text, documents[index], {field.path: field.after for field in edit.fields})
        if isinstance(changed, Problem):
            return [str(changed)]
        write_atomically(path, changed)
    except (OSError, ValueError, IndexError) as error:
        return [f"cannot write {shown(path)}: {error}"]
    click.echo(f"wrote {shown(path)}")
    return []
