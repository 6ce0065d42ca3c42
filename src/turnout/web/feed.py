"""What the API is asked again and again: once for all browsers together, and not at all while nobody looks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnout.client import Client
from turnout.error import ApiError, TurnoutError
from turnout.web.opening import Opening

_log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
LATEST = {"look": "0"}
"""Turnout looks at Envoy's counters once a second. Whoever watches needs no look of his own in between."""

Question = tuple[str, tuple[tuple[str, str], ...]]
"""A view, and what it is asked for."""


@dataclass(eq=False, slots=True)
class Watch:
    """Somebody who looks. Paused, nothing is shown, and nothing asked for their sake."""

    show: Callable[[Any], None]
    fail: Callable[[ApiError], None]
    every_seconds: float
    paused: bool = False


@dataclass(eq=False, slots=True)
class _Feed:
    watches: list[Watch] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    latest: Any = None

    @property
    def watched(self) -> list[Watch]:
        return [watch for watch in self.watches if not watch.paused]


class Feeds:
    """All that is asked of one instance. `lost` is why it cannot be reached, None while it can."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._feeds: dict[Question, _Feed] = {}
        self._heed: list[Callable[[TurnoutError | None], None]] = []
        self.lost: TurnoutError | None = None

    @property
    def asking(self) -> bool:
        """Whether anything is asked at all."""
        return any(feed.task is not None for feed in self._feeds.values())

    def watch(self, view: str, query: Mapping[str, str], watch: Watch) -> Callable[[], None]:
        """Shows the latest answer at once, and every new one, until what is returned is called."""
        question = (view, tuple(sorted(query.items())))
        feed = self._feeds.setdefault(question, _Feed())
        feed.watches.append(watch)
        if feed.latest is not None:
            _told(watch.show, feed.latest)
        self._keep_asking(question, feed)

        def leave() -> None:
            if watch in feed.watches:
                feed.watches.remove(watch)
                self._forget_unwatched()

        return leave

    def heed(self, tell: Callable[[TurnoutError | None], None]) -> Callable[[], None]:
        """Tells when the connection is lost, and when it is there again, until what is returned is called."""
        self._heed.append(tell)
        tell(self.lost)
        return lambda: self._heed.remove(tell) if tell in self._heed else None

    def resume(self) -> None:
        """A watch is paused no more."""
        for question, feed in list(self._feeds.items()):
            self._keep_asking(question, feed)

    def _keep_asking(self, question: Question, feed: _Feed) -> None:
        if feed.watched and feed.task is None:
            feed.task = asyncio.get_running_loop().create_task(self._ask_again_and_again(question, feed))

    async def _ask_again_and_again(self, question: Question, feed: _Feed) -> None:
        clock = asyncio.get_running_loop().time
        asker = _Asker(self._opening)
        try:
            while feed.watched:
                began = clock()
                await self._ask(question, feed, asker)
                watched = feed.watched
                if watched:
                    pause = min(watch.every_seconds for watch in watched)
                    await asyncio.sleep(max(pause - (clock() - began), pause / 10))
        finally:
            asker.close()
            feed.task = None
            self._forget_unwatched()

    def _forget_unwatched(self) -> None:
        self._feeds = {q: feed for q, feed in self._feeds.items() if feed.watches or feed.task is not None}

    async def _ask(self, question: Question, feed: _Feed, asker: _Asker) -> None:
        view, query = question
        try:
            answer = await asyncio.to_thread(asker.ask, view, {**dict(query), **LATEST})
        except ApiError as error:
            self._reached(None)
            for watch in feed.watched:
                _told(watch.fail, error)
        except TurnoutError as error:
            self._reached(error)
        else:
            self._reached(None)
            feed.latest = answer
            for watch in feed.watched:
                _told(watch.show, answer)

    def _reached(self, lost: TurnoutError | None) -> None:
        if (lost is None) != (self.lost is None):
            for tell in list(self._heed):
                _told(tell, lost)
        self.lost = lost


class _Asker:
    """One connection to the API, for one question after the other; found anew when it is lost."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._client: Client | None = None

    def ask(self, view: str, query: Mapping[str, str]) -> Any:
        try:
            self._client = self._client or self._opening(TIMEOUT_SECONDS)
            return self._client.view(view, **query)
        except ApiError:
            raise
        except TurnoutError:
            self.close()
            raise

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _told(tell: Callable[[Any], None], what: Any) -> None:
    """A bug in what one page shows must not keep others from seeing anything."""
    try:
        tell(what)
    except Exception:  # noqa: BLE001 - a bug in one page is logged, and harms no other
        _log.exception("a bug in a page")
