"""Evidence decides: a bug found before any user meets it, a rollout that goes on by itself, and one that goes back.

Exit status: 0 when every figure holds that should, 1 when one is missed or the story cannot go on, 130 on Ctrl-C.
"""

from __future__ import annotations

import sys
import time

from scripts.demo.folder import say
from scripts.demo.telling import begun, told
from scripts.demo_rollout.launch import CANDIDATE, RATE, ROLLOUT, SERVICE, STABLE, Launch
from scripts.demo_rollout.verdict import Told, checks

LATER_SECONDS = 3.0
PROGRAM = "scripts.demo_rollout"
OPENING = "A dark launch, and rollouts that move on evidence: here, with a real Envoy; about three minutes."


class Story:
    """Plays the chapters one after another."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self.told = Told()

    def play(self) -> None:
        """Raises StoryEnds."""
        self._begin()
        with self._launch.visited() as self.told.users:
            self._in_secret()
            self._taken_over()
        self._gone_back()

    def _begin(self) -> None:
        say(
            "\n1. customer asks preference, which asks recommendation. Version 1 answers all users. Version 2 runs, "
            "and has a bug that no status code shows: one answer in 20 lacks the price."
        )
        self._launch.begin("dark-launch")
        self._launch.build("missing")
        say("The example copies everything, and looks at nothing. That is switched off:")
        self._launch.command("mirror", SERVICE, "--off")

    def _in_secret(self) -> None:
        say(
            f"\n2. Users come, {RATE} a second, until chapter 4 ends. Compare copies a quarter of their requests to "
            "version 2, and some to version 1 once more: what that answers differently to itself is noise, like `$.id`."
        )
        self.told.bug = self._launch.compare()
        self.told.answered_in_secret = self._launch.answered()
        say(
            "\n3. So it is fixed, before any user has met it, and compared again. That version 2 calls itself version "
            "2 is meant to be: expectations.yaml says so."
        )
        self._launch.build("")
        self.told.fix = self._launch.compare()

    def _taken_over(self) -> None:
        say(
            "\n4. Now version 2 may take over: 1, 5, 25, 50, 100 % of the requests. A step counts from when they are "
            "seen to be split so, and ends when both guards have proven that version 2 is no worse than version 1 in "
            "the same seconds, within what rollout.yaml tolerates. The fewer requests it gets, the longer that takes."
        )
        self.told.first_status, self.told.first = self._launch.rollout()

    def _gone_back(self) -> None:
        say(
            "\n5. A week later, another build of version 2; until it has proven itself, version 1 answers. Nobody has "
            "compared this one: it answers 5 % of the requests with a 500."
        )
        self._launch.command("shift", SERVICE, f"{STABLE}=100", f"{CANDIDATE}=0")
        self._launch.build("errors")
        before = self._launch.answered()
        with self._launch.visited() as self.told.users_in_second:
            self.told.second_status, self.told.second = self._launch.rollout()
        self.told.answered_in_second = self._launch.answered() - before
        with self._launch.visited() as self.told.users_later:
            time.sleep(LATER_SECONDS)
        say("\nWhat was decided, and on which evidence:")
        self._launch.command("rollout", "history", ROLLOUT)


def main(arguments: list[str]) -> int:
    """`--keep` leaves the working folder."""
    if not begun(arguments, PROGRAM):
        return 2
    return _play(keep="--keep" in arguments)


def _play(*, keep: bool) -> int:
    began = time.monotonic()
    launch = Launch()
    story = Story(launch)
    left: list[str] = []
    try:
        status = told(story.play, PROGRAM, launch.folder, OPENING)
    finally:
        left += launch.close(keep=keep)
    if status:
        return status
    found = checks(story.told, time.monotonic() - began, left)
    say("\n".join(["", "$ turnout down", "", *map(str, found)]))
    return 0 if all(check.holds for check in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
