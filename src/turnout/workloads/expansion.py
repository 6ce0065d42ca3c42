"""`$(NAME)` in values and commands.

Source: Kubernetes API reference, EnvVar.value and Container.args ("Variable references $(VAR_NAME) are expanded …").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_VALUE = re.compile(r"\$(?:\$|\(([^()]*)\))")
_WORD = re.compile(r"\$?\$\((\w+)\)|\$\{(\w+)\}")


def expand(value: str, variables: Mapping[str, str]) -> str:
    """The value of an environment variable: `$$` is a dollar, and an unknown name stays as it is written."""

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        return "$" if name is None else variables.get(name, found[0])

    return _VALUE.sub(replacement, value)


def escape(value: str) -> str:
    """A value that `expand` gives back as it is: those of ConfigMaps and Secrets are never expanded."""
    return value.replace("$", "$$")


def fill(word: str, variables: Mapping[str, str]) -> str:
    """A word of a command: `$(NAME)` and `${NAME}` of known variables.

    All else is left to a shell that may read it: `$$` is its pid there, and `$(date)` a command.
    """

    def replacement(found: re.Match[str]) -> str:
        if found[0].startswith("$$"):
            return found[0][1:]
        return variables.get(found[1] or found[2], found[0])

    return _WORD.sub(replacement, word)


def references(word: str) -> set[str]:
    """The names that `fill` would look for."""
    return {found[1] or found[2] for found in _WORD.finditer(word)}
