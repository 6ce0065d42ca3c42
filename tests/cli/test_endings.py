"""How `turnout` ends when something goes wrong that no command foresaw."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import pytest

from turnout import cli
from turnout.error import TurnoutError

Ending = Callable[[Exception], tuple[int, str]]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ending:
    """`ending(error)`: what `turnout status` says and its exit status, when it raises the error."""
    monkeypatch.delenv("TURNOUT_DEBUG", raising=False)

    def end(error: Exception) -> tuple[int, str]:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr(sys, "argv", ["turnout", "status"])
        monkeypatch.setattr(cli.Commands, "get_command", lambda *_: command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return end


def test_what_was_foreseen_is_an_error_and_its_hint(ending: Ending) -> None:
    assert ending(TurnoutError("it broke", "mend it")) == (1, "error: it broke\nhint: mend it\n")
    assert ending(TurnoutError("it broke")) == (1, "error: it broke\n")


def test_what_the_system_refuses_names_the_file(ending: Ending) -> None:
    assert ending(PermissionError(13, "Permission denied", "a.yaml")) == (1, "error: a.yaml: Permission denied\n")


def test_a_bug_is_called_one_and_shows_no_traceback(ending: Ending) -> None:
    status, said = ending(KeyError("objects"))
    assert status == 1
    assert said == (
        "error: a bug in Turnout: KeyError: 'objects'\nhint: please report it; TURNOUT_DEBUG=1 shows more of it\n"
    )


def test_who_asks_for_it_sees_the_traceback(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_DEBUG", "1")
    with pytest.raises(KeyError):
        ending(KeyError("objects"))
