"""Findings as text, JSON, SARIF, and annotations of GitHub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from turnout import __version__
from turnout.analysis.istio_codes import ISTIO_CODES
from turnout.analysis.schema import istio_code
from turnout.inputs.check import Finding
from turnout.inputs.survey import Survey
from turnout.problem import Severity
from turnout.resources.codes import CODES

ISTIO_HELP = "https://istio.io/latest/docs/reference/config/analysis"
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and what was found. `live`: how many objects of a cluster were looked at as well."""

    survey: Survey
    findings: list[Finding]
    live: int = 0

    @property
    def errors(self) -> int:
        return self.count(Severity.ERROR)

    @property
    def warnings(self) -> int:
        return self.count(Severity.WARNING)

    def count(self, severity: Severity) -> int:
        return sum(finding.problem.severity is severity for finding in self.findings)

    @property
    def summary(self) -> str:
        """One line; kinds that nothing is known of are named, so that silence is not taken for praise."""
        counts = [f"{_many(self.count(s), str(s))}" for s in Severity if self.count(s)]
        where = f"{_many(len(self.survey.entries), 'object')} in {_many(self.survey.files, 'file')}"
        if self.live:
            where = " and ".join(
                [*([where] if self.survey.files else []), f"{_many(self.live, 'object')} of the cluster"]
            )
        line = f"{', '.join(counts) or 'no problems'}: {where}"
        return f"{line}; not checked: {', '.join(self.survey.unchecked)}" if self.survey.unchecked else line


def text(report: Report) -> str:
    """As every command shows problems: where, how bad, what, the code; then what helps."""
    return "\n".join(str(finding.problem) for finding in report.findings)


def as_json(report: Report) -> str:
    """`{problems: [{code, istio_code, severity, message, hint, object, file, line, column, via}], …}`, and counts."""
    return json.dumps(
        {
            "problems": [_plain(finding) for finding in report.findings],
            "errors": report.errors,
            "warnings": report.warnings,
            "infos": report.count(Severity.INFO),
            "objects": len(report.survey.entries),
            "files": report.survey.files,
            "unchecked": list(report.survey.unchecked),
        },
        indent=2,
    )


def github(report: Report) -> str:
    """docs.github.com/actions/reference/workflow-commands-for-github-actions: one line for each finding."""
    return "\n".join(_annotation(finding) for finding in report.findings)


def sarif(report: Report) -> str:
    """docs.oasis-open.org/sarif/sarif/v2.1.0; places are relative to the folder that the command ran in."""
    codes = sorted({finding.problem.code for finding in report.findings})
    driver = {
        "name": "turnout",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes) for finding in report.findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _plain(finding: Finding) -> dict[str, Any]:
    problem, place = finding.problem, finding.place
    return {
        "code": problem.code,
        "istio_code": istio_code(problem) or None,
        "severity": str(problem.severity),
        "message": problem.message,
        "hint": problem.hint,
        "object": finding.owner,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "via": place.via or None,
    }


def _annotation(finding: Finding) -> str:
    problem, place = finding.problem, finding.place
    message = " ".join([problem.message, *(f"({text})" for text in (place.via, problem.hint) if text)])
    properties = {"file": place.file, "line": place.line, "col": place.column, "title": problem.code}
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{GITHUB_LEVELS[problem.severity]} {written}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def _rule(code: str) -> dict[str, Any]:
    severity, meaning = ISTIO_CODES[code] if code in ISTIO_CODES else (CODES[code].severity, CODES[code].meaning)
    rule: dict[str, Any] = {
        "id": code,
        "shortDescription": {"text": meaning},
        "defaultConfiguration": {"level": SARIF_LEVELS[severity]},
    }
    return {**rule, "helpUri": f"{ISTIO_HELP}/{code.lower()}/"} if code in ISTIO_CODES else rule


def _result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    problem, place = finding.problem, finding.place
    said = f"{problem.message} ({place.via})" if place.via else problem.message
    what = f"{said}. Hint: {problem.hint}" if problem.hint else said
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(place.file),
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }
    if finding.owner:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.owner, "kind": "object"}]
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": SARIF_LEVELS[problem.severity],
        "message": {"text": what},
        "locations": [location],
        "partialFingerprints": {"turnout/v1": _fingerprint(finding)},
    }


def _artifact(file: str) -> Mapping[str, str]:
    """A relative reference, or a file: URL for what lies elsewhere."""
    path = PurePath(file)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": "%SRCROOT%"}


def _fingerprint(finding: Finding) -> str:
    """The same finding in the next commit, on another line perhaps."""
    said = (finding.problem.code, finding.place.file, finding.owner, finding.problem.message)
    return hashlib.sha256("\0".join(said).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
