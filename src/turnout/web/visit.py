"""One browser on one page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from nicegui import ui
from nicegui.client import Client as Browser

from turnout.client import Client
from turnout.error import TurnoutError
from turnout.web.feed import Feeds, Watch
from turnout.web.opening import Opening
from turnout.web.stream import Batch, Reader, Streams

_log = logging.getLogger(__name__)

ASK_SECONDS = 30.0

T = TypeVar("T")


class Visit:
    """What a page knows of the browser, and what it can do for it. Everything ends when the browser leaves.

    `path`: the parameters in the URL's path; `query`: those after the question mark.
    """

    def __init__(
        self,
        browser: Browser,
        feeds: Feeds,
        streams: Streams,
        opening: Opening,
        path: Mapping[str, str],
        query: Mapping[str, str],
    ) -> None:
        self.path = path
        self.query = dict(query)
        self._browser = browser
        self._feeds = feeds
        self._streams = streams
        self._opening = opening
        self._watches: list[Watch] = []
        browser.on_connect(lambda: self.look(seen=True))
        ui.on("seen", lambda event: self.look(seen=bool(event.args)))

    def watch(
        self,
        view: str,
        show: Callable[[Any], None],
        *,
        every_seconds: float = 1.0,
        fail: Callable[[TurnoutError], None] | None = None,
        **query: str,
    ) -> Callable[[], None]:
        """`show` gets each answer of `/turnout/v1/<view>`, until what is returned is called, or the browser leaves.

        `fail` gets what the API refuses; unless given, it is said once. A lost connection is none of a page's business:
        the frame says so, and `show` is called again when it is back.
        """
        watch = Watch(self._within(show), self._within(fail or self._say_once()), every_seconds)
        leave = self._feeds.watch(view, query, watch)
        self._watches.append(watch)

        def leave_for_good() -> None:
            leave()
            self._watches.remove(watch) if watch in self._watches else None

        self._browser.on_delete(leave_for_good)
        return leave_for_good

    def read(
        self,
        view: str,
        show: Callable[[Batch], None],
        *,
        fail: Callable[[TurnoutError], None] | None = None,
        **query: str,
    ) -> Callable[[], None]:
        """`show` gets the lines of `/turnout/v1/<view>`, until what is returned is called, or the browser leaves."""
        reader = Reader(self._within(show), self._within(fail or self._say_once()))
        leave = self._streams.read(view, query, reader)
        self._browser.on_delete(leave)
        return leave

    def heed(self, tell: Callable[[TurnoutError | None], None]) -> None:
        """`tell` gets why the API cannot be reached, and None when it can."""
        self._browser.on_delete(self._feeds.heed(self._within(tell)))

    async def ask(self, act: Callable[[Client], T]) -> T:
        """What `act` returns, which talks to the API in a thread. Raises TurnoutError."""

        def in_thread() -> T:
            with self._opening(ASK_SECONDS) as client:
                return act(client)

        return await asyncio.to_thread(in_thread)

    def remember(self, **query: str) -> None:
        """Puts the page's choices into its URL: a reload, a bookmark or another browser then finds them again."""
        self.query = {key: value for key, value in {**self.query, **query}.items() if value}
        self._browser.run_javascript(f"turnout.remember({json.dumps(self.query)})")

    def open(self, path: str) -> None:
        """Another page, in this page's place."""
        with self._browser:
            ui.navigate.to(path)

    def say(self, text: str) -> None:
        """A short notice."""
        with self._browser:
            ui.notify(text, position="bottom", classes="notice")

    def fail(self, error: TurnoutError) -> None:
        """What went wrong, and what to do about it."""
        text = f"{error.message}: {error.hint}" if error.hint else error.message
        with self._browser:
            ui.notify(text, position="bottom", classes="notice notice-bad", multi_line=True, close_button="Close")

    def look(self, *, seen: bool) -> None:
        """Whether anybody sees the page: nothing is asked for a tab in the background."""
        for watch in self._watches:
            watch.paused = not seen
        if seen:
            self._feeds.resume()

    def _within(self, show: Callable[[Any], None]) -> Callable[[Any], None]:
        """In the page's context; a bug in it is logged once, not every second."""
        broken = False

        def shown(what: Any) -> None:
            nonlocal broken
            try:
                with self._browser:
                    show(what)
            except Exception:  # noqa: BLE001 - a bug in one page is logged, and harms no other
                if not broken:
                    _log.exception("a bug in a page")
                broken = True

        return shown

    def _say_once(self) -> Callable[[TurnoutError], None]:
        said: list[str] = []

        def say(error: TurnoutError) -> None:
            if error.message not in said:
                said[:] = [error.message]
                self.fail(error)

        return say
