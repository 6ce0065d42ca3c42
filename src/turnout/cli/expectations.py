"""The expectations file as the command line reads and writes it: mistakes are told with their place."""

from __future__ import annotations

from pathlib import Path

from turnout.delivery.comparison.expectation import FILE_NAME, Accepted, Expectations, interpret, text
from turnout.error import TurnoutError
from turnout.inputs.found import read_text, shown
from turnout.inputs.write import write_atomically
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.finding import Findings, dotted
from turnout.resources.reader import read


def default_file(state: Path) -> Path:
    """`state`: the instance's folder, which lies in the project's."""
    return state.absolute().parent / FILE_NAME


def load(path: Path) -> Expectations:
    """What the file says; one that is not there says nothing. Raises TurnoutError with all that is wrong in it."""
    try:
        content = read_text(path)
    except FileNotFoundError:
        return Expectations()
    except OSError as error:
        raise TurnoutError(f"cannot read {shown(path)}: {error.strerror}") from error
    found, problems = parsed(content, shown(path))
    if problems:
        lines = "\n".join(str(each) for each in problems)
        raise TurnoutError(f"the expectations cannot be used:\n{lines}")
    return found


def parsed(content: str, file: str) -> tuple[Expectations, list[Problem]]:
    """What a file's text says, and what is wrong with it."""
    documents, problems = read(content, file) if content.strip() else ([], [])
    if problems or not documents:
        return Expectations(), problems
    if len(documents) > 1:
        hint = "put all items below the first `accept:`"
        return Expectations(), [problem("TNO005", documents[1].place(), "expectations are one document", hint)]
    findings = Findings()
    found = interpret(documents[0].data, findings)
    wrong = [
        problem(each.code, documents[0].place(each.path), f"{dotted(each.path)}: {each.message}", each.hint)
        for each in findings.found
    ]
    return found, wrong


def accept(path: Path, more: list[Accepted]) -> bool:
    """Writes the file with `more` in it; True if comments in it were lost. Raises TurnoutError."""
    before = load(path)
    after = before
    for each in more:
        after = after.accepting(each)
    had_comments = path.exists() and _comments(read_text(path)) != _comments(text(before))
    try:
        write_atomically(path, text(after))
    except OSError as error:
        raise TurnoutError(f"cannot write {shown(path)}: {error.strerror}") from error
    return had_comments


def _comments(content: str) -> list[str]:
    return [line.strip() for line in content.splitlines() if line.lstrip().startswith("#")]
