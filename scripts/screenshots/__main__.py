"""Writes docs/images/*.png. Takes about three minutes: the charts are to show some past."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Page, expect
from scripts.screenshots.shop import MANY, begin_a_rollout, make_a_mistake, shop, simplify, traffic
from tests.e2e.browser import PHONE, WIDE, Screen, chromium, tab
from tests.e2e.site import Site, until

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LOW, TALL = (1280, 600), (1280, 960)
BEFORE_SECONDS, AFTER_SECONDS = 90, 60
"""How long traffic flows until the weights change, and after that."""
FIRST_SECONDS = 3
BAND_SECONDS = 12
"""So long a guard's interval shrinks before it is shown."""


def main() -> None:
    """All pages in light; the graph in the dark and on a phone, too."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with shop() as site, traffic(site), chromium() as browser:
        print("traffic flows …")
        time.sleep(BEFORE_SECONDS)
        assert site.run("shift", "recommendation", "v2=25", "--route", "main").status == 0
        time.sleep(AFTER_SECONDS)
        screen = tab(browser, site, LOW)
        for shoot in (_service, _graph, _routes, _traces, _logs):
            shoot(screen)
        for name, size, theme in (("graph-dark", LOW, "dark"), ("graph-phone", PHONE, "light")):
            _graph(tab(browser, site, size, theme), name)
        _versions(screen, site)
        _problems(screen, site)


def _graph(screen: Screen, name: str = "graph") -> None:
    _take(screen.open("/"), name)


def _service(screen: Screen) -> None:
    _size(screen.page, WIDE)
    _take(screen.open("/service/default/recommendation?seconds=300"), "service")
    _size(screen.page, LOW)


def _routes(screen: Screen) -> None:
    """With a slider that was moved, and waits to be confirmed."""
    _size(screen.page, TALL)
    page = screen.open("/routes")
    main_route = page.locator(".rule").filter(has=page.get_by_role("heading", name="main", exact=True))
    exactly = main_route.get_by_role("spinbutton", name="v2, percent of")
    expect(exactly).to_have_value("25")
    exactly.fill("60")
    exactly.press("Enter")
    expect(main_route.get_by_role("button", name="Apply weights")).to_be_visible()
    page.get_by_role("heading", level=1).click()  # nothing is focused
    _take(page, "routes")
    _size(page, LOW)


def _traces(screen: Screen) -> None:
    page = screen.open("/traces?min_ms=20")
    _take(page, "traces")
    page.get_by_role("button", name="Pause").click()
    # One of the slow ones that has all of its hops: three calls and a copy.
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell", name="4", exact=True))
    rows.first.get_by_role("link").click()
    expect(page.locator(".spans > li")).to_have_count(4)
    page.locator(".spans summary").nth(2).click()
    _size(page, WIDE)
    _take(page, "trace")
    _size(page, LOW)


def _logs(screen: Screen) -> None:
    page = screen.open("/logs?show=requests")
    until("requests pass", lambda: page.locator(".lines > div").count() > 60)
    _take(page, "logs")


def _versions(screen: Screen, site: Site) -> None:
    """One is compared, and found wanting; the other one takes over."""
    simplify(site)
    _size(screen.page, TALL)
    with traffic(site, MANY):
        _compare(screen)
        _rollouts(screen, site)
    _size(screen.page, LOW)


def _compare(screen: Screen) -> None:
    page = screen.open("/compare")
    page.get_by_label("Stable").select_option("v1")
    page.get_by_label("Candidate").select_option("v3")
    page.get_by_label("Copy").select_option("all")
    page.get_by_role("button", name="Start").click()
    finding = page.locator(".finding").filter(has_text="$.price")
    expect(finding.locator(".pill")).to_have_text("regression", timeout=60_000)
    _take(page, "compare")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()


def _rollouts(screen: Screen, site: Site) -> None:
    """While its guards cannot tell yet."""
    page = screen.open("/rollouts")
    begin_a_rollout(site)
    expect(page.locator(".station[aria-current=step]")).to_contain_text("weight 5 %", timeout=90_000)
    page.wait_for_timeout(BAND_SECONDS * 1000)
    page.get_by_role("heading", level=1).click()  # nothing is focused
    _take(page, "rollouts")


def _problems(screen: Screen, site: Site) -> None:
    make_a_mistake(site)
    page = screen.open("/problems")
    expect(page.get_by_text("preference-route.yaml")).to_be_visible()
    _take(page, "problems")


def _size(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def _take(page: Page, name: str) -> None:
    page.wait_for_timeout(FIRST_SECONDS * 1000)  # figures come in, and charts are drawn
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    print(f"docs/images/{path.name}  {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
