"""Manifests as a test gives them: files, folders, or YAML in the test itself."""

from __future__ import annotations

from pathlib import Path

from turnout.error import TurnoutError
from turnout.inputs.files import Manifest, parse, read_paths
from turnout.problem import Problem, errors

IN_TEST = Path("test.yaml")
"""What problems name as the file of YAML that stands in the test."""


def read(sources: tuple[str | Path, ...]) -> tuple[list[Manifest], list[Problem]]:
    """All objects, and warnings about them. A text of several lines is YAML. Raises TurnoutError, with every error."""
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    for source in sources:
        if isinstance(source, str) and "\n" in source:
            parsed = parse(IN_TEST, source)
            manifests += parsed.manifests
            problems += parsed.problems
        else:
            found = read_paths([Path(source)])
            manifests += found.objects
            problems += found.problems
    if refused := errors(problems):
        raise TurnoutError("\n".join(["the manifests have errors:", *map(str, refused)]))
    return manifests, problems
