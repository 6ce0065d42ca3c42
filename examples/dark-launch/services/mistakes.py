"""Bugs that a new version may have: each answers as the service would, and then gets something wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from http1 import Response

EVERY = 20
"""Bugs that show now and then are in one of so many answers: in 5 %."""
SLOWER_SECONDS = 0.03

Mistake = Callable[[Response, int], Awaitable[Response]]
"""Gets the right answer, and which one it is, counted from 1."""


async def errors(answer: Response, number: int) -> Response:
    """5 % of the answers are a 500."""
    return answer if number % EVERY else Response(500, b"KeyError: 'price'\n")


async def slow(answer: Response, _: int) -> Response:
    """Each answer takes 30 ms longer."""
    await asyncio.sleep(SLOWER_SECONDS)
    return answer


async def changed(answer: Response, _: int) -> Response:
    """The price is in cents."""
    if not is_json(answer):
        return replace(answer, body=answer.body.replace(b"recommendation", b"suggestion"))
    book = json.loads(answer.body)
    return with_book(answer, book | {"price": round(book["price"] * 100)})


async def missing(answer: Response, number: int) -> Response:
    """5 % of the answers have no price."""
    if number % EVERY:
        return answer
    if not is_json(answer):
        return replace(answer, body=b"\n")
    book = json.loads(answer.body)
    del book["price"]
    return with_book(answer, book)


async def html(answer: Response, _: int) -> Response:
    """A page, for whoever wants data."""
    page = b"<!doctype html>\n<pre>" + answer.body + b"</pre>\n"
    return replace(answer, body=page, headers=answer.headers | {"content-type": "text/html"})


def is_json(answer: Response) -> bool:
    return answer.headers.get("content-type") == "application/json"


def with_book(answer: Response, book: dict[str, object]) -> Response:
    return replace(answer, body=json.dumps(book).encode())


MISTAKES: dict[str, Mistake] = {
    "errors": errors,
    "slow": slow,
    "changed": changed,
    "missing": missing,
    "html": html,
}
