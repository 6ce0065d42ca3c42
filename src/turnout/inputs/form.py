"""Values read out of a YAML document by path, with what is wrong with them told at its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.spelling import closest

UNKNOWN_KEY: Final = "TNO210"
WRONG_TYPE: Final = "TNO211"

Keys = tuple[str | int, ...]


class Form:
    """Reads values out of a document by path, and reports what is wrong with them."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self.document = document
        self.problems = problems

    def report(self, code: str, path: Keys, message: str, hint: str | None = None) -> None:
        self.problems.append(problem(code, self.document.place(path), message, hint))

    def value(self, path: Keys) -> Any:
        value: Any = self.document.data
        for key in path:
            value = _step(value, key)
        return value

    def mapping(self, path: Keys) -> Mapping[str, Any]:
        value = self.value(path)
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self.wrong_type(path, "a mapping")
        return {}

    def text(self, path: Keys) -> str | None:
        """A non-empty string."""
        value = self.value(path)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.wrong_type(path, "a text")
        return None

    def texts(self, path: Keys) -> tuple[str, ...] | None:
        """A non-empty list; numbers in it are taken as they print."""
        value = self.value(path)
        if value is None:
            return None
        if isinstance(value, list) and value and all(type(item) in (str, int, float) for item in value):
            return tuple(str(item) for item in value)
        self.wrong_type(path, "a list of texts")
        return None

    def wrong_type(self, path: Keys, wanted: str) -> None:
        self.report(WRONG_TYPE, path, f"`{_dotted(path)}` has to be {wanted}, not {_type_name(self.value(path))}")

    def known_keys(self, path: Keys, value: Any, known: Sequence[str]) -> None:
        for key in value if isinstance(value, Mapping) else ():
            if key not in known:
                close = closest(str(key), known, cutoff=0.6)
                hint = f"did you mean `{close}`?" if close else f"known here: {', '.join(known)}"
                self.report(UNKNOWN_KEY, (*path, key), f"unknown key `{key}`", hint)

    def items(self, path: Keys) -> range:
        """Indices of a list."""
        value = self.value(path)
        if value is not None and not isinstance(value, list):
            self.wrong_type(path, "a list")
        return range(len(value)) if isinstance(value, list) else range(0)


def _step(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def _dotted(path: Keys) -> str:
    return ".".join(str(part) for part in path)


def _type_name(value: Any) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return "an empty text" if value == "" else names.get(type(value), "that")
