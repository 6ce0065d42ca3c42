"""The dashboard in a real browser: what it shows, whom it lets in, and how it comes back."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.e2e.browser import PHONE, WIDE, Screen, chromium, link, tab
from tests.e2e.launch import URL, Launch
from tests.e2e.manifests import HOST
from tests.e2e.numbers import NUMBERS
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PAGES = {
    "graph": "/",
    "services": "/services",
    "service": "/service/default/recommendation?seconds=60",
    "routes": "/routes",
    "compare": "/compare",
    "rollouts": "/rollouts",
    "traces": "/traces",
    "logs": "/logs",
    "problems": "/problems",
}
LOST = "Lost the connection to Turnout"
REBOUND = "evil.test"
"""What an attacker's name server says to be on loopback."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def screen(browser: Browser, launch: Launch) -> Iterator[Screen]:
    """A wide tab on the dark launch."""
    screen = tab(browser, launch.site)
    yield screen
    screen.page.context.close()


@contextmanager
def load(site: Site, url: str, rate: float, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """Requests at a rate, for so long; what it says at its end is JSON."""
    argv = [sys.executable, "-m", "turnout", "load", "--rate", str(rate), "-t", f"{seconds}s", "--json", url]
    with subprocess.Popen(argv, cwd=site.folder, env=site.environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.terminate()


def row(page: Page, name: str) -> Locator:
    """A version in the picture of the graph."""
    return page.locator(".service-graph .row").and_(page.get_by_role("button", name=re.compile(rf"^{name}\b")))


def cells(page: Page, table: str, *begin: str) -> list[str]:
    """The row of a table that begins so; [] if there is none."""
    for line in page.get_by_role("region", name=table, exact=True).locator("tbody tr").all():
        found = [cell.strip() for cell in line.locator("th, td").all_inner_texts()]
        if found[: len(begin)] == list(begin):
            return found
    return []


def figure(text: str) -> float:
    return float(text.partition("/")[0].replace(" ", ""))


# --- what it shows


def test_the_link_opens_the_graph_of_all_that_runs(screen: Screen) -> None:
    page = screen.page
    assert page.url == f"{screen.base}/", "the secret is gone from the address"
    for name in ("customer v1", "preference v1", "recommendation v1", "recommendation v2", "the gateway"):
        expect(row(page, name)).to_be_visible()
    assert page.title() == "Graph · Turnout"
    assert len(page.get_by_role("main").all()) == 1


def test_the_graph_has_the_rate_of_the_load_and_copies_apart(screen: Screen, launch: Launch) -> None:
    page, rate = screen.page, 40.0
    with load(launch.site, URL, rate, 18) as running:
        page.get_by_role("radio", name="10 s").check()
        page.get_by_text("The same as tables").click()
        calls = [
            ("the gateway", "customer v1", "requests"),
            ("customer v1", "preference v1", "requests"),
            ("preference v1", "recommendation v1", "requests"),
            ("preference v1", "recommendation v2", "copies"),
        ]
        for call in calls:
            until(f"the rate of {call} is right", lambda call=call: near(cells(page, "Calls", *call), rate))  # type: ignore[misc] # bound now
        until("each request causes one call", lambda: cells(page, "Calls", *calls[1])[-1] == "1.00")
        lines = page.locator(".service-graph .line")
        assert lines.count() == len(calls)
        (dashed,) = [line.get_attribute("aria-label") for line in page.locator(".service-graph .line.dashed").all()]
        assert str(dashed).startswith("preference v1 is copied to recommendation v2")
        screen.shoot("graph-under-load")
        said = json.loads(running.communicate(timeout=60)[0])
    assert abs(said["window_rate_per_second"] - rate) <= rate * 0.05


def test_the_graph_of_the_random_numbers_has_a_version_that_calls_its_own_service(
    browser: Browser, numbers: Site
) -> None:
    """As often per request as the application says that it did."""
    assert numbers.run("shift", NUMBERS, "green=50").status == 0
    screen = tab(browser, numbers)
    page = screen.open("/?seconds=300")
    asked = [json.loads(numbers.get(host=f"{NUMBERS}.test").body)["num_requests"] for _ in range(20)]
    page.get_by_text("The same as tables").click()
    blue, green = (f"{NUMBERS} {colour}" for colour in ("blue", "green"))

    def per_request() -> float:
        found = [cells(page, "Calls", blue, called, "requests") for called in (blue, green)]
        return sum(float(row[-1]) for row in found if row)

    until("all calls are counted", lambda: abs(per_request() - sum(asked) / len(asked)) < 0.02)
    page.get_by_role("button", name=re.compile(f"^the gateway calls {blue}")).press("Enter")
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text(re.compile(rf"Requests\s*{len(asked)}\s*p50"))
    expect(details.get_by_role("rowheader", name="200")).to_be_visible()
    screen.shoot("graph-random-numbers")
    assert screen.complaints == []
    page.context.close()


def near(found: list[str], rate: float) -> bool:
    return bool(found) and abs(figure(found[3]) - rate) <= rate * 0.05


def test_what_is_chosen_is_told_in_detail_and_stays_chosen_when_the_page_is_loaded_again(screen: Screen) -> None:
    page = screen.page
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("How to read it")
    row(page, "preference v1").click()
    expect(details.get_by_role("heading", level=2)).to_have_text("preference v1")
    expect(details).to_contain_text("default/preference-v1")
    expect(page).to_have_url(re.compile("at="))
    page.reload()
    expect(details.get_by_role("heading", level=2)).to_have_text("preference v1")
    details.get_by_role("button", name="Close").click()
    expect(details).to_contain_text("How to read it")
    expect(page).not_to_have_url(re.compile("at="))


def test_everything_can_be_done_with_the_keyboard(screen: Screen) -> None:
    page = screen.page
    row(page, "customer v1").focus()
    page.keyboard.press("Enter")
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", level=2)).to_have_text("customer v1")
    expect(row(page, "customer v1")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.locator("body").press("Tab")
    window = page.get_by_role("radio", name="1 m", exact=True)
    window.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="5 m", exact=True)).to_be_checked()
    expect(page).to_have_url(re.compile("seconds=300"))


def test_figures_that_come_in_move_nothing(screen: Screen, launch: Launch) -> None:
    page = screen.page
    with load(launch.site, URL, 30, 20):
        until("there is traffic", lambda: page.locator(".service-graph .label").count() == 4)
        page.evaluate("for (const row of document.querySelectorAll('.service-graph .row')) row.dataset.seen = 'yes'")
        before, label = places(page), page.locator(".service-graph .label").first
        text = label.text_content()
        until("the figures change", lambda: label.text_content() != text)
        assert places(page) == before
        assert page.locator(".service-graph .row:not([data-seen])").count() == 0, "nothing was drawn anew"


def places(page: Page) -> list[str | None]:
    return [row.get_attribute("style") for row in page.locator(".service-graph .row").all()]


def test_a_services_page_shows_its_versions_over_time_and_what_changed(browser: Browser, site: Site) -> None:
    site.up()
    screen = tab(browser, site)
    with load(site, f"http://{HOST}/", 50, 60):
        page = screen.open("/services")
        page.get_by_role("link", name="app").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("app")
        page.get_by_role("radio", name="1 m").check()
        legend = page.get_by_role("list", name="Versions in the charts")
        expect(legend).to_have_text("v1")
        assert site.run("shift", "app", "v2=50").status == 0
        expect(legend).to_have_text("v1v2")
        expect(page.get_by_role("region", name="What changed")).to_contain_text("v2 0 → 50")
        until(
            "the weights are shown", lambda: cells(page, "Versions, over the last ten seconds", "v2")[2:3] == ["50 %"]
        )
        expect(page.locator(".chart path[stroke-dasharray]")).not_to_have_count(0)
        until("both are compared", lambda: cells(page, "Comparison", "Success")[1:3] == ["100 %", "100 %"])
        page.get_by_label("with").select_option(label="v1")
        until("others can be", lambda: page.get_by_role("columnheader", name="v1").count() >= 1)
        screen.shoot("service-after-a-shift")
    assert screen.complaints == []
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_fits_the_screen_and_loads_nothing_from_elsewhere(
    browser: Browser, launch: Launch, size: tuple[int, int], theme: str
) -> None:
    screen = tab(browser, launch.site, size, theme)
    offered = ["/", *(found.get_attribute("href") for found in screen.page.locator("nav a").all())]
    with load(launch.site, URL, 20, 60):
        for name, path in PAGES.items():
            if name != "service" and path not in offered:
                continue
            page = screen.open(path)
            screen.shoot(f"{name}-{size[0]}-{theme}")
            too_wide = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
            assert too_wide <= 0, f"{name} is {too_wide} px too wide"
            assert page.locator("h1").count() == 1
    foreign = [url for url in screen.requested if not url.startswith((screen.base, "data:", "blob:"))]
    assert foreign == []
    assert screen.complaints == []
    screen.page.context.close()


def test_on_a_phone_the_pages_are_behind_a_button(browser: Browser, launch: Launch) -> None:
    screen = tab(browser, launch.site, PHONE)
    page, menu = screen.page, screen.page.get_by_role("button", name="Menu")
    expect(page.get_by_role("link", name="Services")).to_be_hidden()
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.get_by_role("link", name="Services").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    page.context.close()


def test_the_theme_is_the_systems_until_another_is_chosen_and_then_stays(browser: Browser, launch: Launch) -> None:
    screen = tab(browser, launch.site, theme="dark")
    page, button = screen.page, screen.page.get_by_role("button", name="Theme")

    def dark() -> bool:
        return bool(page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 18, 24)")

    assert dark()
    button.click()
    expect(button).to_have_attribute("aria-label", "Theme: light")
    assert not dark()
    page.reload()
    expect(button).to_have_attribute("aria-label", "Theme: light")
    assert not dark()
    page.context.close()


def test_an_address_that_is_none_of_its_pages_says_so(screen: Screen) -> None:
    answer = screen.page.goto(f"{screen.base}/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(screen.page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    expect(screen.page.get_by_role("link", name="Graph")).to_be_visible()


# --- whom it lets in


def raw(screen: Screen, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Without a browser's manners."""
    port = urlsplit(screen.base).port
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def test_without_the_cookie_nothing_is_told_not_even_a_static_file(screen: Screen) -> None:
    own = {url.removeprefix(screen.base) for url in screen.requested if url.startswith(screen.base)}
    assert len(own) > 10
    for path in sorted(own - {"/favicon.ico"}):
        status, body = raw(screen, path.partition("?token=")[0], {})
        assert status == 401, path
        assert "default/" not in body
        assert "recommendation" not in body


def test_a_foreign_host_or_origin_gets_nothing_even_with_the_cookie(screen: Screen) -> None:
    (cookie,) = screen.page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    given = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    assert raw(screen, "/", given)[0] == 200
    for foreign in ({"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"Origin": "null"}):
        assert raw(screen, "/", {**given, **foreign}) == (403, "requests from elsewhere are refused\n")


def test_a_name_that_was_bound_to_loopback_gets_nothing(browser: Browser, launch: Launch) -> None:
    """DNS rebinding: the browser believes it talks to another site."""
    page = browser.new_page()
    answer = page.goto(link(launch.site).replace("127.0.0.1", REBOUND))
    assert answer is not None
    assert (answer.status, page.inner_text("body").strip()) == (403, "requests from elsewhere are refused")
    assert page.context.cookies() == []
    page.context.close()


class _Elsewhere(BaseHTTPRequestHandler):
    """Another page on loopback: cookies ignore ports, so that the browser sends it the dashboard's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


ATTACKS = {
    "a request": "fetch(base, {credentials: 'include'}).then(() => 'in', () => 'out')",
    "a change": "fetch(base, {method: 'POST', credentials: 'include'}).then(() => 'in', () => 'out')",
    "a script": """new Promise((done) => { const script = document.createElement('script');
        script.onload = () => done('in'); script.onerror = () => done('out');
        script.src = base + '/assets/turnout.js'; document.head.append(script); })""",
    "a socket": """new Promise((done) => { const socket = new WebSocket(base.replace('http', 'ws')
        + '/_nicegui_ws/socket.io/?EIO=4&transport=websocket');
        socket.onopen = () => done('in'); socket.onerror = () => done('out'); })""",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_on_another_port_gets_nothing(screen: Screen, elsewhere: str, attack: str) -> None:
    page = screen.page.context.new_page()
    page.goto(elsewhere)
    assert page.evaluate(f"(base) => {ATTACKS[attack]}", screen.base) == "out"


def test_nobody_frames_it(screen: Screen, elsewhere: str) -> None:
    page = screen.page.context.new_page()
    page.goto(elsewhere)
    page.evaluate(
        "(base) => { const f = document.createElement('iframe'); f.src = base; document.body.append(f); }", screen.base
    )
    page.wait_for_timeout(1000)
    (frame,) = [frame for frame in page.frames if frame != page.main_frame]
    assert frame.locator("main").count() == 0


def test_who_comes_without_the_link_is_told_how_to_get_it(browser: Browser, launch: Launch) -> None:
    page = browser.new_page()
    answer = page.goto(link(launch.site).partition("?")[0])
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_role("heading")).to_have_text("This dashboard opens with its link")
    expect(page.get_by_text("turnout dashboard")).to_be_visible()
    page.context.close()


def test_text_that_slips_into_a_page_runs_nothing(screen: Screen) -> None:
    """The policy: an inline handler and an inline script are refused by the browser."""
    screen.page.evaluate("""() => {
        document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.ran = 1">');
        const script = document.createElement('script');
        script.textContent = 'window.ran = 2';
        document.body.append(script);
    }""")
    screen.page.wait_for_timeout(300)
    assert screen.page.evaluate("window.ran") is None


# --- how it comes back


def test_a_killed_turnout_is_said_and_its_successor_is_found_alone(browser: Browser, site: Site) -> None:
    """The same address and the same cookie; what the killed one left is ended."""
    site.up()
    before = link(site)
    screen = tab(browser, site)
    page = screen.open("/?seconds=300")
    banner = page.get_by_text(LOST)
    expect(row(page, "app v1")).to_be_visible()
    expect(banner).to_be_hidden()
    site.ups[-1].kill()
    expect(banner).to_be_visible()
    screen.shoot("lost")
    (left,) = served(site)
    site.up()
    until("what was left is ended", lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
    assert link(site) == before
    expect(row(page, "app v1")).to_be_visible(timeout=30_000)
    expect(banner).to_be_hidden()
    assert page.url == f"{screen.base}/?seconds=300"
    page.context.close()
    assert site.run("down").status == 0
    site.assert_nothing_runs()


def test_a_turnout_that_ended_and_was_started_again_is_found_too(browser: Browser, site: Site) -> None:
    site.up()
    screen = tab(browser, site)
    assert site.run("down").status == 0
    site.assert_nothing_runs()
    expect(screen.page.get_by_text("Lost the connection to the dashboard")).to_be_visible()
    site.up()
    expect(row(screen.page, "app v1")).to_be_visible(timeout=30_000)
    expect(screen.page.get_by_text("Lost the connection").locator("visible=true")).to_have_count(0)
    screen.page.context.close()


def test_its_process_runs_only_when_somebody_looks_and_is_started_again(browser: Browser, site: Site) -> None:
    site.up()
    assert served(site) == []
    screen = tab(browser, site)
    row(screen.page, "app v2").click()
    expect(screen.page).to_have_url(re.compile("at="))
    (first,) = served(site)
    first.send_signal(signal.SIGKILL)
    until("another one runs", lambda: [process for process in served(site) if process.pid != first.pid])
    details = screen.page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", level=2)).to_have_text("app v2", timeout=30_000)
    screen.page.context.close()


def served(site: Site) -> list[psutil.Process]:
    """The dashboard's processes."""
    found = []
    for process in site.processes():
        try:
            found += [process] if "--serve-fd" in process.cmdline() else []
        except psutil.Error:
            continue
    return found


def test_without_a_dashboard_there_is_none(site: Site) -> None:
    site.up("--no-dashboard")
    refused = site.run("dashboard", "--no-open")
    assert (refused.status, refused.out) == (1, "")
    assert "--no-dashboard" in refused.err
    assert site.status()["dashboard"] is None


def test_up_and_status_say_where_it_is(site: Site) -> None:
    up = site.up("--dashboard-port", "0")
    printed = link(site)
    assert f"dashboard: {printed}" in up.out
    bare = site.run("status").out
    assert f"dashboard: {printed.partition('/?')[0]}" in bare
    assert "token" not in bare
    began = time.monotonic()
    assert site.run("status").status == 0
    assert time.monotonic() - began < 5
