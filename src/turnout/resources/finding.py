"""What the checks of one object find, at paths inside it; where that is in a file comes later."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.problem import Severity
from turnout.resources.codes import CODES
from turnout.resources.layout import Path
from turnout.resources.spelling import shown

MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """`code`: of the table in codes.py, which gives the severity."""

    code: str
    path: Path
    message: str
    hint: str | None = None


class Findings:
    """Collects, up to a bound: an object of two megabytes may be wrong in every line."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    @property
    def has_error(self) -> bool:
        return any(CODES[finding.code].severity is Severity.ERROR for finding in self.found)

    def add(self, code: str, path: Path, message: str, hint: str | None = None) -> None:
        if len(self.found) < MOST_FINDINGS:
            self.found.append(Finding(code, path, message, hint))
        elif len(self.found) == MOST_FINDINGS:
            self.found.append(Finding("TNO020", (), f"more than {MOST_FINDINGS} findings; the rest is not listed"))


def dotted(path: Path) -> str:
    """`spec.http[0].route[1].weight`; keys that are no plain names are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum():
            text += f".{step}"
        else:
            text += f"[{shown(step)}]"
    return text.removeprefix(".")
