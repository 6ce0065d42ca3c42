"""The expectations file: read when it is new or was changed."""

from __future__ import annotations

from pathlib import Path

from turnout.delivery.comparison.expectation import Expectations, interpret
from turnout.resources import reader
from turnout.resources.finding import Findings, dotted

Stamp = tuple[int, int, int]


class ExpectationsFile:
    """What may differ. A file with a mistake changes nothing, and `problem` says what it is."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self.expectations = Expectations()
        self.problem: str | None = None

    def refresh(self) -> bool:
        """Whether it was changed, and says something else now. One that is not there says nothing."""
        stamp = self._seen()
        if stamp == self._stamp:
            return False
        self._stamp, before = stamp, self.expectations
        self._read()
        return self.expectations != before

    def _seen(self) -> Stamp | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None

    def _read(self) -> None:
        self.problem = None
        if self._path is None or self._stamp is None:
            self.expectations = Expectations()
            return
        try:
            text = self._path.read_text(errors="surrogateescape")
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}"
            return
        self.problem, found = read(text, str(self._path))
        if self.problem is None:
            self.expectations = found


def read(text: str, file: str) -> tuple[str | None, Expectations]:
    """What is wrong with a file's text, and what it says; the first mistake is enough."""
    documents, problems = reader.read(text, file) if text.strip() else ([], [])
    if problems:
        return f"{problems[0].where}: {problems[0].message}", Expectations()
    if not documents:
        return None, Expectations()
    findings = Findings()
    found = interpret(documents[0].data, findings)
    for finding in findings.found[:1]:
        place = documents[0].place(finding.path)
        return f"{place}: {dotted(finding.path)}: {finding.message}", found
    return None, found
