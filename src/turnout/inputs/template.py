"""Which line of a Helm template a line of its output comes from.

Before each piece of text and each value that a template puts out stands a mark with its line. Text outside of
definitions goes straight to the output, so that a mark changes nothing but its own line. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters, which no manifest has a reason to hold."""

_MARK: Final = re.compile(f"{OPEN}(\\d+){CLOSE}")

ACTION: Final = re.compile(
    r"\{\{(?P<left>-(?=\s))?"
    r"(?P<body>\s*/\*.*?\*/\s*|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|[^\"`'])*?)"
    r"(?P<right>(?<=\s)-)?\}\}",
    re.DOTALL,
)

_BLOCKS: Final = frozenset(("if", "range", "with", "define", "block"))
_SILENT: Final = _BLOCKS | {"else", "end", "break", "continue"}
_WORD: Final = re.compile(r"\s*(\w+)")
_ASSIGNMENT: Final = re.compile(r"\s*\$\w*(\s*,\s*\$\w+)?\s*:?=")
_TEXT: Final = re.compile(r"^([ \t]*)(?=\S)", re.MULTILINE)


def marked(template: str) -> str:
    """The template with a mark at each line of its text, and before each value."""
    return "".join(_pieces(template))


def unmarked(output: str) -> tuple[str, tuple[int, ...]]:
    """The output as it is without marks, and for each of its lines the template's, from 1.

    A line without a mark of its own belongs to the value that began above it.
    """
    lines, origins, last = [], [], 1
    for line in output.split("\n"):
        first = _MARK.search(line)
        if first and not line[: first.start()].strip():
            last = int(first[1])
        origins.append(last)
        if marks := _MARK.findall(line):
            last = int(marks[-1])
        lines.append(_MARK.sub("", line))
    return "\n".join(lines), tuple(origins)


def _pieces(template: str) -> Iterator[str]:
    end, line, blocks = 0, 1, list[str]()
    for action in ACTION.finditer(template):
        text = template[end : action.start()]
        defines = "define" in blocks or "block" in blocks
        yield text if defines else _marked_text(text, line)
        line += text.count("\n")
        yield action[0] if defines or _is_silent(action["body"]) else _marked_action(action, line)
        _enter(blocks, action["body"])
        line += action[0].count("\n")
        end = action.end()
    yield _marked_text(template[end:], line)


def _marked_text(text: str, line: int) -> str:
    return _TEXT.sub(lambda found: found[1] + _mark(line + text.count("\n", 0, found.start())), text)


def _marked_action(action: re.Match[str], line: int) -> str:
    """The mark takes over what the action trims to its left."""
    left = "- " if action["left"] else " "
    return f'{{{{{left}"{_mark(line)}" }}}}{{{{{action["body"]}{action["right"] or ""}}}}}'


def _mark(line: int) -> str:
    return f"{OPEN}{line}{CLOSE}"


def _is_silent(body: str) -> bool:
    word = _WORD.match(body)
    return body.lstrip().startswith("/*") or bool(word and word[1] in _SILENT) or bool(_ASSIGNMENT.match(body))


def _enter(blocks: list[str], body: str) -> None:
    """Keeps the stack of open blocks."""
    word = _WORD.match(body)
    if word and word[1] in _BLOCKS:
        blocks.append(word[1])
    elif word and word[1] == "end" and blocks:
        blocks.pop()
