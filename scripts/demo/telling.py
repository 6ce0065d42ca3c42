"""A story told in the terminal: how it is called, ended and interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from scripts.demo.folder import StoryEnds, say


def begun(arguments: Sequence[str], program: str) -> bool:
    """Whether the arguments are right; `--keep` leaves the working folder. From now on a signal is an end in order."""
    if set(arguments) - {"--keep"}:
        say(f"usage: python -m {program} [--keep]")
        return False
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    return True


def told(play: Callable[[], object], program: str, folder: Path, opening: str, stopping: str = "stopping") -> int:
    """Plays it; returns the exit status. `stopping`: what is said to whoever interrupts."""
    try:
        say(opening)
        say(f"working folder: {folder}")
        play()
    except StoryEnds as error:
        say(f"error: {error}\nhint: `python -m {program} --keep` leaves the logs, in the working folder")
        return 1
    except KeyboardInterrupt:
        say(f"\n{stopping}")
        return 130
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
