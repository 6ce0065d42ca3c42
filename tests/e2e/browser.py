"""A real browser on the dashboard: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.e2e.site import Site

expect.set_options(timeout=15_000)

WIDE, PHONE = (1280, 800), (390, 844)
SCREENSHOTS = "TURNOUT_SCREENSHOTS"
"""Names the folder that pictures of the pages go to."""


def program() -> str:
    """Debian's; a developer may do without."""
    found = shutil.which("chromium")
    if found is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "chromium is missing: apt-get install chromium"
        pytest.skip("chromium is not installed")
    return found


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """One that knows nothing yet. Playwright's loop must have ended before a test has a loop of its own."""
    arguments = [*(["--no-sandbox"] if os.getuid() == 0 else []), *more]
    executable = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def link(site: Site) -> str:
    """What `turnout dashboard` prints."""
    printed = site.run("dashboard", "--no-open")
    assert printed.status == 0, printed.err
    return printed.out.strip()


@dataclass
class Screen:
    """One tab, and all that it complained about or asked for."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """One of the dashboard's pages, built."""
        self.page.goto(self.base + path)
        expect(self.page.locator("main h1")).to_be_visible()
        return self.page

    def shoot(self, name: str) -> None:
        """A picture for people to look at, if they want one."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(2000)  # so that there is something to see
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def tab(browser: Browser, site: Site, size: tuple[int, int] = WIDE, theme: str = "light") -> Screen:
    """A browser of its own, as it were: let in by the link, without anybody else's cookies."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    opened = link(site)
    screen = Screen(page, opened.partition("/?")[0])
    page.on("console", lambda said: screen.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: screen.complaints.append(str(error)))
    page.on("request", lambda request: screen.requested.append(request.url))
    page.goto(opened)
    expect(page.locator("main h1")).to_be_visible()
    return screen
