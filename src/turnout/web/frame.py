"""What all pages have: the top bar, the banner that says when the connection is lost, and the themes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.client import Client as Browser

from turnout.error import TurnoutError
from turnout.web.markup import Tag, tag
from turnout.web.page import Page
from turnout.web.visit import Visit

ASSETS = Path(__file__).with_name("assets")
STYLES = ("turnout.css", "pages.css", "verdicts.css")
STATUS_SECONDS = 5.0
LOST = "Lost the connection to Turnout. Retrying…"

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke-linecap="round" stroke-width="2.4">'
    '<path d="M2 17h20" stroke="#3f6ae0"/><path d="M5 17c7 0 6-10 17-10" stroke="#e0803f"/>'
    '<circle cx="5" cy="17" r="2.2" fill="#3f6ae0" stroke="none"/></svg>'
)


def head() -> str:
    """What stands in the head of every page. The theme is set before anything is painted."""
    styles = "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in STYLES)
    script = f'<script src="{asset("turnout.js")}"></script>'
    return f'<meta name="color-scheme" content="light dark">{styles}{script}'


def asset(name: str) -> str:
    """The URL of a file in `assets/`; another content has another URL."""
    digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/assets/{name}?{digest}"


def unwrap(browser: Browser) -> None:
    """Quasar's page is a `main` that would hold the top bar too: a plain element, so that there is one `main`, ours."""
    slot = browser.content.parent_slot
    assert slot is not None
    slot.parent.tag = "div"


def build(visit: Visit, page: Page, pages: Sequence[Page]) -> None:
    """The frame, and the page in it."""
    tag("a", "Skip to the content", classes="skip", href="#content")
    with tag("header", classes="top"):
        with tag("a", classes="brand", href="/"):
            ui.html(LOGO, sanitize=False, tag="span").props["aria-hidden"] = "true"
            tag("span", "Turnout")
        _menu_button()
        with tag("nav", id="pages", aria_label="Pages"):
            problems = [_link(other, page) for other in pages if other.label]
        instance = tag("span", classes="instance")
        _theme_button()
    _banner(visit)
    with tag("main", id="content", tabindex="-1"):
        page.build(visit)
    badges = [badge for other, badge in problems if other.path == "/problems"]
    visit.watch("status", lambda status: _show_status(status, instance, badges), every_seconds=STATUS_SECONDS)


def _link(other: Page, page: Page) -> tuple[Page, Tag]:
    """A link in the top bar, with a place for a number behind it."""
    current = other.path in {page.path, page.parent}
    with tag("a", href=other.path, aria_current="page" if current else None):
        tag("span", other.label)
        badge = tag("span", classes="badge", hidden=True)
    return other, badge


def _menu_button() -> None:
    button = tag("button", "Menu", classes="button menu", type="button", aria_controls="pages", aria_expanded="false")
    button.on("click", js_handler="(event) => turnout.toggleMenu(event.currentTarget)")


def _theme_button() -> None:
    button = tag("button", classes="button theme", type="button", title="Theme", aria_label="Theme: as the system")
    button.on("click", js_handler="() => turnout.nextTheme()")


def _banner(visit: Visit) -> None:
    with tag("div", classes="lost", role="status", aria_live="assertive"):
        said = tag("span", LOST, hidden=True)

    def tell(lost: TurnoutError | None) -> None:
        said.set(hidden=lost is None)

    visit.heed(tell)


def _show_status(status: Any, instance: Tag, badges: Sequence[Tag]) -> None:
    folder = Path(status["state"]).parent
    with suppress(RuntimeError):  # no home directory
        folder = Path("~") / folder.relative_to(Path.home()) if folder.is_relative_to(Path.home()) else folder
    instance.say(folder.name)
    instance.set(title=f"{folder}, Turnout {status['version']}")
    errors = sum(problem["severity"] == "error" for problem in status["problems"])
    for badge in badges:
        badge.say(str(len(status["problems"])))
        badge.set(hidden=not status["problems"], aria_label=f"{len(status['problems'])} problems, {errors} errors")
        badge.tone("bad", on=bool(errors))
