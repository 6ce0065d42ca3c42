"""What is wrong with what the user wrote: a value, never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. Only an error keeps an object from being applied."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a file: line and column count from 1, as editors show them."""

    file: str
    line: int
    column: int
    via: str = ""
    """Where a template has what stands here from: `.Values.weights.v2, values.yaml:3`."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" + (f" ({self.via})" if self.via else "")


_STEP = re.compile(r'([^.\[\]"]+)|\[(\d+)\]|"([^"]*)"')


@dataclass(frozen=True, slots=True, order=True)
class ObjectPath:
    """Where in an object that has no file: `VirtualService default/cluster spec.http[0].route`."""

    kind: str
    namespace: str
    name: str
    path: str = ""

    @property
    def fields(self) -> tuple[str | int, ...]:
        """The path in steps: `("spec", "http", 0, "route")`."""
        steps = _STEP.finditer(self.path)
        return tuple(int(step[2]) if step[2] else step[1] or step[3] for step in steps)

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {name} {self.path}".rstrip()


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `code` is `TNOnnn` (docs/problems.md) or one of istioctl's `ISTnnnn`."""

    code: str
    severity: Severity
    message: str
    where: Place | ObjectPath | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}{self.severity}: {self.message} [{self.code}]{hint}"


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Those that keep an object from being applied."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
