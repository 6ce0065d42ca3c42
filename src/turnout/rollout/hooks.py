"""Hooks: a rollout's events, told to commands and to addresses, while nobody waits for it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from typing import Any

from turnout.error import HookFailed
from turnout.rollout import hook_command, webhook
from turnout.rollout.intent import Hook
from turnout.rollout.message import message

TELLERS = 4
"""Hooks that hang hold up at most those that share a thread with them."""
MOST_WAITING = 100
"""Events of one thread; more are dropped, and that is reported."""
TRIES = 3
"""Of an address that does not answer, or says that it cannot now. A command is started once."""
BACKOFF_SECONDS = (0.5, 2.0)
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event at one hook. `failure`: why it was not told; empty when it was."""

    namespace: str
    rollout: str
    what: str
    step: int
    hook: str
    failure: str
    tries: int
    seconds: float

    @property
    def text(self) -> str:
        """For people."""
        tries = f" after {self.tries} tries" if self.tries > 1 else ""
        return (
            f"{self.hook} was not told of `{self.what}`{tries}: {self.failure}" if self.failure else f"{self.hook} told"
        )


Report = Callable[[Outcome], None]
"""Called from other threads; it must not wait."""


@dataclass(frozen=True, slots=True)
class _Task:
    hook: Hook
    event: Mapping[str, Any]


class Hooks:
    """`offer` never waits. Events reach each hook one after the other, in their order."""

    def __init__(self, folder: Path, mark: Mapping[str, str], report: Report) -> None:
        """`folder`: where commands run, and what paths of secrets count from. `mark`: what their environment gets."""
        self._folder = folder
        self._mark = mark
        self._report = report
        self._closing = threading.Event()
        self._queues: list[Queue[_Task | None]] = []
        self._places: dict[Hook, int] = {}

    def offer(self, hooks: Sequence[Hook], event: Mapping[str, Any]) -> None:
        """`event` has `namespace`, `rollout`, `what`, `step` and `text`, and whatever else JSON can say."""
        for hook in hooks:
            task = _Task(hook, event)
            try:
                self._queue(hook).put_nowait(task)
            except Full:
                self._report(_outcome(task, f"{MOST_WAITING} events wait for it already", 0, 0.0))

    def close(self) -> None:
        """What runs is ended; what waits is dropped. Closing twice is fine."""
        self._closing.set()
        for queue in self._queues:
            with suppress(Full):
                queue.put_nowait(None)  # whoever waits for something to do
        until = time.monotonic() + CLOSE_SECONDS
        for thread in threading.enumerate():
            if thread.name == self._name:
                thread.join(max(0.0, until - time.monotonic()))

    @property
    def _name(self) -> str:
        return f"hooks {id(self)}"

    def _queue(self, hook: Hook) -> Queue[_Task | None]:
        """The same for the same hook."""
        if len(self._places) > 1000:
            self._places.clear()
        place = self._places.setdefault(hook, len(self._places) % TELLERS)
        while len(self._queues) <= place:
            queue: Queue[_Task | None] = Queue(MOST_WAITING)
            self._queues.append(queue)
            threading.Thread(target=self._tell_all, args=(queue,), name=self._name, daemon=True).start()
        return self._queues[place]

    def _tell_all(self, queue: Queue[_Task | None]) -> None:
        while (task := queue.get()) is not None and not self._closing.is_set():
            self._report(self._tell(task))

    def _tell(self, task: _Task) -> Outcome:
        started = time.monotonic()
        failure = ""
        for tries in range(1, TRIES + 1):
            failure, again = self._failure(task)
            if not again or tries == TRIES or self._closing.wait(BACKOFF_SECONDS[tries - 1]):
                break
        return _outcome(task, failure, tries, time.monotonic() - started)

    def _failure(self, task: _Task) -> tuple[str, bool]:
        """Why it was not told, empty if it was; and whether it may go well the next time."""
        try:
            self._try(task)
        except HookFailed as error:
            return error.message, error.again
        except (OSError, ValueError) as error:  # the secret cannot be read; the URL is none
            return str(error), False
        return "", False

    def _try(self, task: _Task) -> None:
        hook = task.hook
        if hook.url:
            secret = (self._folder / hook.secret_file).read_bytes().strip() if hook.secret_file else b""
            webhook.post(hook.url, json.dumps(message(task.event)).encode(), secret, hook.timeout_seconds)
        else:
            body, env = json.dumps(task.event).encode(), {**os.environ, **self._mark}
            hook_command.run(hook.exec, body, self._folder, env, hook.timeout_seconds, self._closing)


def _outcome(task: _Task, failure: str, tries: int, seconds: float) -> Outcome:
    event = task.event
    about = (event["namespace"], event["rollout"], event["what"], event["step"])
    return Outcome(*about, _name(task.hook), failure, tries, round(seconds, 3))


def _name(hook: Hook) -> str:
    """A URL's path may be a secret: Slack's is."""
    return webhook.place(hook.url) if hook.url else " ".join(hook.exec)
