"""A rollout as it goes on: a board that changes in a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.rollout import lookup
from turnout.cli.rollout.lookup import Object
from turnout.cli.rollout.words import moved, share
from turnout.error import ApiError, ClusterFailed, NotRunning, TurnoutError
from turnout.rollout.user_words import users_words

if TYPE_CHECKING:
    from turnout.client import Client

Open = Callable[[], "Client"]

LOOK_SECONDS = 0.5
QUIET_SECONDS = 30.0
"""After so long without news a line says what it waits for."""
AWAY_SECONDS = 60.0
"""So long Turnout may be away: a rollout outlives it, and goes on with the next one."""
RETREAT_SECONDS = 5.0
"""So long after it went back it may take to be known how that went."""

STATUS_OF = {"finished": 0, "aborted": 1, "refused": 1}
"""Exit status by phase."""
INTERRUPTED = 130


class News:
    """Remembers what it has told of one rollout."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._verdicts: dict[str, str] = {}
        self._left: set[str] = set()
        self._step = 0
        self._at = 0.0

    def lines(self, obj: Object, now: float) -> Iterator[str]:
        """What is new or different since the last look, each on one line."""
        status = obj.get("status") or {}
        facts = list(_facts(obj, status))
        news = [*self._judged(status), *(text for what, text in facts if what not in self._told)]
        self._told = {what for what, _ in facts}
        if not news and now - self._at >= QUIET_SECONDS and status.get("why"):
            news = [f"{status['phase']}: {status['why']}"]
        if news:
            self._at = now
        yield from news

    def _judged(self, status: Mapping[str, Any]) -> Iterator[str]:
        """Each verdict once in each step, in the words of the look that brought it.

        At the first looks of a step the verdicts still are those on which the one before was left.
        """
        verdicts = status.get("verdicts") or ()
        words = {verdict["words"] for verdict in verdicts}
        if words and words == self._left:
            return
        self._left = set()
        for verdict in verdicts:
            if verdict["kind"] != "open" and self._verdicts.get(verdict["guard"]) != verdict["kind"]:
                yield f"verdict: {verdict['words']}"
            self._verdicts[verdict["guard"]] = verdict["kind"]
        if status.get("step", 0) != self._step:
            self._step, self._verdicts = status.get("step", 0), {}
            self._left = words


def _facts(obj: Object, status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is told once, and its text, in which something may change with each look."""
    steps, at, phase = status.get("steps") or (), status.get("step", 0), lookup.phase(obj)
    if not phase:
        yield "", "waiting for the engine to begin"
        return
    if at < len(steps) and phase not in lookup.ENDED:
        yield f"step {at}", f"step {at + 1} of {len(steps)}: {steps[at]['name']}{_touching(status)}"
    if changed := status.get("lastChange"):
        yield f"change {changed}", moved(changed)
    if phase in lookup.ENDED and (users := users_words(status, obj["spec"])):
        yield f"users {users}", users
    if phase != "running":
        text = f"{phase}: {status['why']}" if status.get("why") else phase
        yield text, text


def _touching(status: Mapping[str, Any]) -> str:
    blast = status.get("blast") or {}
    if not blast.get("touched"):
        return ""
    bound = "at most " if blast.get("bound") else ""
    return f", which touches {bound}{share(blast['touched'])} of user requests"


def follow(connect: Open, obj: Object, *, goes_on: bool = True) -> int:
    """Until the rollout has ended, or Ctrl-C; the exit status. Raises TurnoutError when the Rollout is gone.

    `connect`: anew, whenever whoever serves the API was away. `goes_on`: after Ctrl-C.
    """
    try:
        ended = _live(connect, obj) if sys.stdout.isatty() else _plain(connect, obj)
    except KeyboardInterrupt:
        hint = f"turnout rollout status {lookup.title(obj)}"
        click.echo(f"\nit goes on without being watched: `{hint}`" if goes_on else "\nit ends here", err=True)
        return INTERRUPTED
    return STATUS_OF[lookup.phase(ended)]


def _plain(connect: Open, obj: Object) -> Object:
    news = News()
    for seen in _looks(connect, obj):
        for line in news.lines(seen, time.time()):
            click.echo(f"{time.strftime('%H:%M:%S')} {lookup.title(seen)}: {line}")
        obj = seen
    return obj


def _live(connect: Open, obj: Object) -> Object:
    """What was shown last stays in the terminal."""
    from rich.live import Live

    from turnout.cli.rollout.board import board

    with Live(auto_refresh=False) as live:
        for seen in _looks(connect, obj):
            live.update(board(seen, time.time(), live.console.width), refresh=True)
            obj = seen
    return obj


def _looks(connect: Open, obj: Object) -> Iterator[Object]:
    """The Rollout as it was, then twice a second; the last one has ended."""
    client, away_seconds, ended_seconds = None, 0.0, 0.0
    yield obj
    while lookup.under_way(obj) or not (_is_told(obj) or ended_seconds >= RETREAT_SECONDS):
        time.sleep(LOOK_SECONDS)
        ended_seconds += 0.0 if lookup.under_way(obj) else LOOK_SECONDS
        try:
            client = client or connect()
            obj = _same(client, obj["metadata"])
        except (NotRunning, ClusterFailed):
            client, away_seconds = None, away_seconds + LOOK_SECONDS
            if away_seconds > AWAY_SECONDS:
                raise
        else:
            away_seconds = 0.0
            yield obj
    if client is not None:
        client.close()


def _is_told(obj: Object) -> bool:
    """That it went back is in its status at once, how long that took a moment later."""
    status = obj["status"]
    changed = status.get("lastChange") or {"at": 0.0}
    return lookup.phase(obj) != "aborted" or bool(changed["at"] >= (status.get("finishedAt") or 0.0))


def _same(client: Client, meta: Mapping[str, Any]) -> Object:
    """Raises TurnoutError when it has been deleted, or another has its name."""
    try:
        seen: Object = lookup.kept(client, meta["namespace"]).shelf.get(meta["namespace"], meta["name"])
    except ApiError as error:
        if error.status != 404:
            raise
        raise TurnoutError(f"Rollout {meta['name']} has been deleted") from error
    if seen["metadata"]["uid"] != meta["uid"]:
        raise TurnoutError(f"Rollout {meta['name']} has been replaced by another one")
    return seen
