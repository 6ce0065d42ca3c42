"""Every problem code, in one table. docs/problems.md explains each; a test compares the two."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.problem import ObjectPath, Place, Problem, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True, slots=True)
class Code:
    """`hint`: what helps in general; a finding may bring a better one."""

    code: str
    severity: Severity
    meaning: str
    hint: str | None = None


_TABLE = (
    # TNO001 to TNO099: reading YAML, and the shape of an object
    Code("TNO001", ERROR, "the file is not valid YAML"),
    Code("TNO002", ERROR, "the file contains a character that YAML does not allow", "save the file as UTF-8 text"),
    Code("TNO003", ERROR, "a tab indents a line", "YAML is indented with spaces only: replace the tab"),
    Code("TNO004", ERROR, "a key is given twice in one mapping", "remove one of the two"),
    Code("TNO005", ERROR, "a document is not an object", "a manifest is a mapping with apiVersion, kind and metadata"),
    Code(
        "TNO006",
        ERROR,
        "the file exceeds a bound: size, nesting, or what its aliases expand to",
        "split the file, or write the repeated parts out",
    ),
    Code("TNO007", ERROR, "an alias or a merge key cannot be resolved"),
    Code("TNO008", ERROR, "a key or a value that JSON cannot carry"),
    Code(
        "TNO009",
        ERROR,
        "the file is empty",
        "delete the file if its objects are to go; a comment makes it empty on purpose",
    ),
    Code("TNO010", ERROR, "apiVersion or kind is missing", "each object starts with `apiVersion:` and `kind:`"),
    Code("TNO011", WARNING, "this kind is not known and is left out"),
    Code("TNO012", ERROR, "the field does not exist", "run `kubectl explain` or see Istio's reference for the fields"),
    Code("TNO013", ERROR, "the value has the wrong type"),
    Code("TNO014", ERROR, "a required field is missing"),
    Code("TNO015", ERROR, "the value is none of those allowed"),
    Code("TNO016", ERROR, "the number is out of range"),
    Code("TNO017", ERROR, "the value is no duration", "write a number with a unit, such as 500ms, 2s, 1m or 1m30s"),
    Code("TNO018", ERROR, "several fields are set of which only one may be"),
    Code("TNO019", WARNING, "a field looks misspelt and is ignored"),
    Code("TNO020", ERROR, "the object has more faults than are listed"),
    # TNO101 to TNO199: what one object says
    Code("TNO101", ERROR, "a name has the wrong form"),
    Code(
        "TNO102",
        ERROR,
        "a label's key or value has the wrong form",
        "use at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
    ),
    # TNO201 to TNO249: files, turnout.yaml, edits in place
    Code("TNO201", ERROR, "a file or folder cannot be read"),
    Code("TNO202", ERROR, "a file is too large, or a folder has too many files", "name the folder with the manifests"),
    Code("TNO203", WARNING, "a YAML document is no Kubernetes object and is left out", "keep other files elsewhere"),
    Code("TNO204", ERROR, "an object is in two places", "keep one of them; until then neither file is applied"),
    Code("TNO205", WARNING, "a folder has no manifest in it"),
    Code("TNO210", ERROR, "turnout.yaml has a key that does not exist"),
    Code("TNO211", ERROR, "a value in turnout.yaml has the wrong type"),
    Code(
        "TNO212",
        ERROR,
        "an image in turnout.yaml has no way to run",
        "add `run: COMMAND`, or `attach: HOST:PORT` for something that already runs",
    ),
    Code("TNO213", ERROR, "an image in turnout.yaml has both run and attach", "keep one of them"),
    Code("TNO214", ERROR, "an address in turnout.yaml is no host and port", "write it like `127.0.0.1:9000`"),
    Code("TNO215", ERROR, "the context folder does not exist", "`context` is relative to the folder of turnout.yaml"),
    Code("TNO216", WARNING, "a key in turnout.yaml has no effect beside attach"),
    Code("TNO217", ERROR, "a gateway port is no port", "a Gateway's port, then the one to listen on: `80: 8080`"),
    Code("TNO218", ERROR, "a glob can match no file", "a glob is relative to `context`: `**/*.py`"),
    Code("TNO220", ERROR, "a value cannot be changed in its file", "change the file by hand"),
)

CODES = {code.code: code for code in _TABLE}


def problem(code: str, where: Place | ObjectPath | None, message: str, hint: str | None = None) -> Problem:
    """A finding with the severity, and unless it brings its own the hint, of its code."""
    entry = CODES[code]
    return Problem(code, entry.severity, message, where, hint or entry.hint)
