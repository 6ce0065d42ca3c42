"""What the API is asked, how often, and what is told when it does not answer. Against the real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, VIEWS, Served
from tests.web.waiting import until

from turnout.apiserver import kubeconfig
from turnout.apiserver.view import ViewRequest
from turnout.client import Client
from turnout.error import ApiError, TurnoutError
from turnout.web.feed import Feeds, Watch

EVERY_SECONDS = 0.05


@dataclass
class Api:
    """Where the instance is, and how often it was asked what."""

    state: Path
    asked: list[str] = field(default_factory=list)

    async def view(self, request: ViewRequest) -> Any:
        self.asked.append(request.query.get("of", ""))
        return {"answer": len(self.asked), "of": request.query.get("of", "")}

    def served(self) -> Served:
        return Served(self.state / "state.db", {**VIEWS, "counted": self.view})

    def start(self, served: Served, port: int = 0) -> None:
        served.start(port)
        kubeconfig.write(self.state / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


@pytest.fixture
def served(api: Api) -> Iterator[Served]:
    served = api.served()
    api.start(served)
    yield served
    served.stop()


@pytest.fixture
async def feeds(api: Api) -> AsyncIterator[Feeds]:
    """Everybody has left at the end of a test."""
    feeds = Feeds(partial(Client.from_state, api.state))
    yield feeds
    await until(lambda: not feeds.asking)


@dataclass
class Shown:
    answers: list[Any] = field(default_factory=list)
    refused: list[ApiError] = field(default_factory=list)

    def watch(self) -> Watch:
        return Watch(self.answers.append, self.refused.append, EVERY_SECONDS)


@pytest.mark.usefixtures("served")
async def test_many_who_look_cost_as_much_as_one(api: Api, feeds: Feeds) -> None:
    all_shown = [Shown() for _ in range(5)]
    leave = [feeds.watch("counted", {}, shown.watch()) for shown in all_shown]
    await until(lambda: all(len(shown.answers) >= 4 for shown in all_shown))
    assert len(api.asked) <= max(len(shown.answers) for shown in all_shown) + 1
    for gone in leave:
        gone()


@pytest.mark.usefixtures("served")
async def test_who_comes_later_sees_the_latest_answer_at_once(feeds: Feeds) -> None:
    first, second = Shown(), Shown()
    leave = feeds.watch("counted", {}, first.watch())
    await until(lambda: first.answers)
    also_leave = feeds.watch("counted", {}, second.watch())
    assert second.answers == first.answers[-1:]
    leave()
    also_leave()


@pytest.mark.usefixtures("served")
async def test_other_questions_are_asked_apart(feeds: Feeds) -> None:
    one, other = Shown(), Shown()
    leave = [feeds.watch("counted", {"of": of}, shown.watch()) for of, shown in (("a", one), ("b", other))]
    await until(lambda: one.answers and other.answers)
    assert {answer["of"] for answer in one.answers} == {"a"}
    assert {answer["of"] for answer in other.answers} == {"b"}
    for gone in leave:
        gone()


@pytest.mark.usefixtures("served")
async def test_nothing_is_asked_when_nobody_looks_any_more(api: Api, feeds: Feeds) -> None:
    shown = Shown()
    watch = shown.watch()
    leave = feeds.watch("counted", {}, watch)
    await until(lambda: len(shown.answers) > 1)
    watch.paused = True
    await until(lambda: not feeds.asking)
    before = len(api.asked)
    watch.paused = False
    feeds.resume()
    await until(lambda: len(api.asked) > before)
    leave()


@pytest.mark.usefixtures("served")
async def test_what_the_api_refuses_is_told_and_is_no_lost_connection(feeds: Feeds) -> None:
    shown = Shown()
    leave = feeds.watch("nothing-of-the-kind", {}, shown.watch())
    await until(lambda: shown.refused)
    assert shown.refused[0].status == 404
    assert feeds.lost is None
    leave()


async def test_a_lost_connection_is_told_once_and_found_again_alone(api: Api, feeds: Feeds) -> None:
    first, second, told, shown = api.served(), api.served(), list[TurnoutError | None](), Shown()
    api.start(first)
    ignore, leave = feeds.heed(told.append), feeds.watch("counted", {}, shown.watch())
    await until(lambda: shown.answers)
    first.stop()
    await until(lambda: feeds.lost)
    api.start(second)  # at another port, as it may be
    await until(lambda: feeds.lost is None)
    seen = len(shown.answers)
    await until(lambda: len(shown.answers) > seen)
    assert [lost is None for lost in told] == [True, False, True]
    ignore()
    leave()
    await until(lambda: not feeds.asking)
    second.stop()


@pytest.mark.usefixtures("served")
async def test_a_bug_in_one_page_harms_no_other(feeds: Feeds, caplog: pytest.LogCaptureFixture) -> None:
    def broken(answer: Any) -> None:
        raise ZeroDivisionError

    shown = Shown()
    leave = [feeds.watch("counted", {}, watch) for watch in (Watch(broken, broken, EVERY_SECONDS), shown.watch())]
    await until(lambda: len(shown.answers) > 2)
    assert "a bug in a page" in caplog.text
    for gone in leave:
        gone()
