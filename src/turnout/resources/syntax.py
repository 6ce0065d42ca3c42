"""What is wrong with a text that is no YAML: libyaml's terse words turned into a message, a place and a hint."""

from __future__ import annotations

import re

from turnout.problem import Place, Problem
from turnout.resources.codes import problem
from turnout.resources.event import SyntaxFault

# What libyaml's reader refuses, and lone surrogates: bytes that were no UTF-8, decoded with `surrogateescape`.
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r" *\t[ \t]*\S")

_EXPLANATIONS: tuple[tuple[str, str, str | None], ...] = (
    (
        "mapping values are not allowed",
        "a `:` where no key can be",
        "a value that contains `: ` needs quotes; otherwise compare the indentation with the lines above",
    ),
    (
        "could not find expected ':'",
        "a key without its `:`",
        "write `key: value`; text that continues a value is indented deeper than its key",
    ),
    (
        "did not find expected key",
        "the indentation does not fit what is above",
        "keys of one mapping start in one column; a quote or bracket left open above has the same effect",
    ),
    (
        "did not find expected '-' indicator",
        "the indentation does not fit the list above",
        "the items of one list start with `- ` in one column",
    ),
    (
        "did not find expected ',' or '}'",
        "a `{` is not closed",
        "separate the entries with `, ` and end them with `}`",
    ),
    ("did not find expected ',' or ']'", "a `[` is not closed", "separate the items with `, ` and end them with `]`"),
    ("found unexpected end of stream", "the file ends in the middle of a quoted text", "close the quote"),
    ("found unexpected document indicator", "the document ends in the middle of a quoted text", "close the quote"),
    (
        "found character that cannot start any token",
        "this character cannot start a value",
        "put the value in quotes",
    ),
    (
        "block sequence entries are not allowed",
        "a `- ` where no list item can be",
        "start the list on a line of its own",
    ),
    ("did not find expected <document start>", "a second document without a `---` line before it", None),
    ("found unknown escape character", "a backslash sequence that YAML does not know", "use single quotes"),
    ("did not find expected node content", "a value is missing here", None),
)


def unreadable(text: str, file: str) -> Problem | None:
    """The first character that no YAML file may contain."""
    found = _UNREADABLE.search(text, 1 if text.startswith("\ufeff") else 0)
    if found is None:
        return None
    before = text[: found.start()]
    place = Place(file, before.count("\n") + 1, found.start() - before.rfind("\n"))
    if "\ud800" <= found[0] <= "\udfff":
        return problem("TNO002", place, "this is not UTF-8 text")
    return problem("TNO002", place, f"the control character U+{ord(found[0]):04X} is not allowed in YAML")


def fault_problem(fault: SyntaxFault, text: str, file: str, first_line: int = 0) -> Problem:
    """A syntax error, with a tab in the indentation told apart: libyaml has no word for it."""
    mark = fault.problem_mark or fault.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    tab = _tab(text, line, fault)
    if tab is not None:
        return problem("TNO003", Place(file, first_line + tab[0] + 1, tab[1] + 1), "a tab in the indentation")
    message, hint = _explain(fault)
    return problem("TNO001", Place(file, first_line + line + 1, column + 1), message, hint)


def _tab(text: str, line: int, fault: SyntaxFault) -> tuple[int, int] | None:
    """The tab that indents the faulty line, or the last line with content before it. Line and column from 0."""
    lines = text.split("\n")
    earlier = (number for number in range(min(line, len(lines)) - 1, -1, -1) if lines[number].strip())
    for number in (line, next(earlier, line)):
        if number < len(lines) and _TAB_INDENT.match(lines[number]):
            return number, lines[number].index("\t")
    return None


def _explain(fault: SyntaxFault) -> tuple[str, str | None]:
    said = str(fault.problem or "this is no YAML")
    for words, message, hint in _EXPLANATIONS:
        if words in said:
            return f"{message}{_since(fault)}", hint
    return f"{said}{_since(fault)}", None


def _since(fault: SyntaxFault) -> str:
    """Where the construct began that the fault ends, if on an earlier line."""
    start, end = fault.context_mark, fault.problem_mark
    if start is None or end is None or start.line >= end.line:
        return ""
    context = str(fault.context or "").removeprefix("while ")
    return f" ({context} that starts on line {start.line + 1})"
