"""What goes wrong without being the user's mistake: bugs of ours, and a disk that takes nothing more.

Neither may end anybody's traffic: the last good state stays in force, and `status` shows what happened.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from turnout.control.state import StateDir
from turnout.error import StateBroken
from turnout.problem import Problem, Severity

_log = logging.getLogger(__name__)


class Mishaps:
    """Remembers each until the same thing has gone well."""

    def __init__(self, state: StateDir) -> None:
        self._state = state
        self._bugs: dict[str, Problem] = {}
        self._unrecorded: Problem | None = None

    @contextmanager
    def surviving(self, what: str, *, fatal: bool) -> Iterator[None]:
        """A bug inside is shown and logged; before anything is served it is raised instead (`fatal`)."""
        try:
            yield
        except Exception as error:
            if fatal:
                raise
            _log.exception("a bug in Turnout")
            message = f"a bug in Turnout keeps it from taking {what} in: {type(error).__name__}: {error}"
            hint = f"the last good state stays in force; please report it, with {self._state.crash_log}"
            self._bugs[what] = Problem("TNO405", Severity.ERROR, message, None, hint)
        else:
            self._bugs.pop(what, None)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Traffic does not depend on what is written inside: that a disk is full is shown, and nothing more."""
        try:
            yield
        except StateBroken as error:
            if self._unrecorded is None:
                _log.error("%s", error)
            self._unrecorded = Problem("TNO404", Severity.ERROR, error.message, None, error.hint)
        else:
            self._unrecorded = None

    @property
    def unrecorded(self) -> bool:
        """Whether something could not be written, and should be tried again."""
        return self._unrecorded is not None

    def problems(self) -> list[Problem]:
        return [*([self._unrecorded] if self._unrecorded else []), *self._bugs.values()]
