"""Routes, traces, logs and problems in a real browser: what is done there happens to real traffic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from scripts.demo.binomial import interval
from tests.e2e.browser import PHONE, Screen, chromium, tab
from tests.e2e.launch import Launch
from tests.e2e.manifests import HOST
from tests.e2e.mistakes import ROUTE
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

REQUESTS = 1000
CONFIDENCE = 0.9999
"""At 99 % one run in a hundred would fail by chance alone."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def screen(browser: Browser, running: Site) -> Iterator[Screen]:
    """A wide tab on one service in two versions, all traffic on v1."""
    assert running.run("shift", "app", "v1=100").status == 0
    screen = tab(browser, running)
    yield screen
    assert screen.complaints == []
    screen.page.context.close()


def main_route(page: Page) -> Locator:
    """The card of the route that splits."""
    return page.locator(".rule").filter(has=page.get_by_role("heading", name="main", exact=True))


def slider(page: Page, version: str) -> Locator:
    return main_route(page).get_by_role("slider", name=f"{version}, percent of")


def share_of_v2(site: Site) -> int:
    """How many of so many requests it answers."""
    loaded = site.run("load", "-n", str(REQUESTS), "--rate", "400", "--json", f"http://{HOST}/")
    assert loaded.status == 0, loaded.out + loaded.err
    report = json.loads(loaded.out)
    assert report["requests"]["successful"] == REQUESTS
    return sum(row["requests"] for row in report["versions"] if row["version"].endswith("v2"))


def weights(site: Site) -> dict[str, str]:
    (service,) = site.status()["services"]
    return dict(service["routes"][0]["weights"]) if service["routes"] else {}


# --- routes


def test_a_slider_moved_and_confirmed_moves_real_traffic_and_undo_brings_it_back(
    browser: Browser, screen: Screen, running: Site
) -> None:
    page = screen.open("/routes")
    expect(slider(page, "v2")).to_have_value("0")
    slider(page, "v2").focus()
    for _ in range(50):
        page.keyboard.press("ArrowRight")
    expect(slider(page, "v1")).to_have_value("50")
    expect(main_route(page)).to_contain_text("v1 100 → 50 %, v2 0 → 50 %")
    assert weights(running) == {"v1": "100", "v2": "0"}, "nothing happens before it is confirmed"
    screen.shoot("routes-before-confirmation")
    other = tab(browser, running, PHONE, "dark")
    followed = slider(other.open("/routes"), "v2")
    main_route(page).get_by_role("button", name="Apply weights").click()
    expect(main_route(page)).to_contain_text(re.compile(r"v1 100 → 50, v2 0 → 50\. Envoy serves it after [\d.]+ ms"))
    expect(followed).to_have_value("50")
    low, high = interval(REQUESTS, 0.5, CONFIDENCE)
    assert low <= share_of_v2(running) <= high
    expect(main_route(page).locator(".rule-said")).to_be_focused()
    history = page.locator(".history")
    expect(history).to_contain_text("turnout shift app v1=50 v2=50 --route main")
    screen.shoot("routes-after-a-shift")
    other.shoot("routes-after-a-shift-on-a-phone")
    history.get_by_role("button", name="Undo").first.click()
    expect(history).to_contain_text(re.compile(r"Undone\. Envoy serves it after [\d.]+ ms"))
    expect(slider(page, "v2")).to_have_value("0")
    expect(followed).to_have_value("0")
    assert share_of_v2(running) == 0
    other.page.context.close()


def test_what_is_done_here_the_command_line_can_undo(screen: Screen, running: Site) -> None:
    page = screen.open("/routes")
    exactly = main_route(page).get_by_role("spinbutton", name="v2, percent of")
    exactly.fill("0.5")
    exactly.press("Enter")
    main_route(page).get_by_role("button", name="Apply weights").click()
    expect(main_route(page)).to_contain_text("Envoy serves it")
    assert weights(running) == {"v1": "99.5", "v2": "0.5"}
    undone = running.run("undo")
    assert undone.out.startswith("undone: shift app v1=99.5 v2=0.5 --route main"), undone
    expect(slider(page, "v2")).to_have_value("0")
    expect(page.locator(".history li").first).to_have_class("undone")


def test_a_slider_follows_others_but_is_never_torn_away(screen: Screen, running: Site) -> None:
    page = screen.open("/routes")
    moved = slider(page, "v2")
    expect(moved).to_have_value("0")
    assert running.run("shift", "app", "v2=10").status == 0
    expect(moved).to_have_value("10")
    moved.scroll_into_view_if_needed()
    box = moved.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y)
    held = moved.input_value()
    assert 55 <= float(held) <= 65
    assert running.run("shift", "app", "v2=20").status == 0
    expect(main_route(page)).to_contain_text("changed by somebody else meanwhile")
    assert moved.input_value() == held
    page.mouse.up()
    expect(main_route(page)).to_contain_text(f"v2 20 → {held} %")
    main_route(page).get_by_role("button", name="Discard weights").click()
    expect(moved).to_have_value("20")


def test_a_mirror_is_switched_on_for_some_methods_and_off_again(screen: Screen, running: Site) -> None:
    page = screen.open("/routes")
    expect(slider(page, "v2")).to_have_value("0")
    switch = main_route(page).get_by_role("switch", name="mirror main")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")
    main_route(page).get_by_role("combobox", name="Methods").select_option("GET, HEAD only")
    expect(main_route(page)).to_contain_text("mirror: off → 100 % of GET, HEAD to v2")
    main_route(page).get_by_role("button", name="Apply mirror").click()
    expect(page.get_by_role("heading", name="main-mirror")).to_be_visible()
    expect(page.locator(".rule").first).to_contain_text("when the method is GET")
    assert running.get().status == 200
    running.until_status("v2 has a copy", lambda status: any(m["sent"] for m in status["mirrors"]))
    screen.shoot("routes-with-a-mirror")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    main_route(page).get_by_role("button", name="Apply mirror").click()
    expect(page.get_by_role("heading", name="main-mirror")).to_have_count(0)
    expect(page.locator(".rule")).to_have_count(1)
    expect(switch).to_have_attribute("aria-checked", "false")


# --- problems


def test_a_bad_file_is_a_problem_until_it_is_mended(screen: Screen, running: Site) -> None:
    page = screen.open("/problems")
    expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    badge = page.get_by_role("link", name="Problems").locator(".badge")
    expect(badge).to_be_hidden()
    running.write("k8s/route.yaml", ROUTE.replace("weight: 100", "weight: -1"))
    problem = page.locator(".problem")
    expect(problem.first).to_contain_text("error")
    expect(problem.first.locator(".where")).to_have_text(re.compile(r"^k8s/route\.yaml:\d+:\d+$"))
    expect(badge).to_have_text("1")
    expect(page.get_by_role("heading", name="All is well")).to_be_hidden()
    screen.shoot("problems-with-a-bad-file")
    running.write("k8s/route.yaml", ROUTE)
    expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    expect(problem).to_have_count(0)
    expect(badge).to_be_hidden()


# --- logs


def lines(page: Page) -> Locator:
    return page.get_by_role("log").locator("> div")


def test_logs_are_live_across_a_rolling_restart_and_searched_in_the_browser(screen: Screen, running: Site) -> None:
    page = screen.open("/logs")
    page.get_by_role("combobox", name="Workload").select_option("app-v1")
    expect(lines(page).first).to_contain_text("v1 listens")
    expect(page).to_have_url(re.compile("workload=app-v1"))
    before = lines(page).count()
    running.write("app/service.py", running.service_file.read_text() + "# saved\n")
    expect(lines(page).filter(has_text="v1 ends")).not_to_have_count(0)
    until("the new pod's lines are there", lambda: lines(page).filter(has_text="v1 listens").count() > before)
    page.get_by_role("searchbox", name="Search").fill("ENDS")
    expect(lines(page).filter(visible=True)).to_have_count(1)
    expect(page.locator("mark").first).to_have_text("ends")
    expect(page.get_by_role("status").filter(has_text="match")).to_contain_text("1 of")
    page.get_by_label("only lines that match").uncheck()
    expect(lines(page).filter(visible=True)).not_to_have_count(1)
    expect(page).to_have_url(re.compile("search=ENDS"))
    screen.shoot("logs-searched")


def test_requests_pass_by_with_what_went_wrong_in_words_and_may_be_held(screen: Screen, running: Site) -> None:
    page = screen.open("/logs")
    page.get_by_role("radio", name="Requests").check()
    expect(page.get_by_text("No request yet")).to_be_visible()

    def shown(text: str) -> bool:
        running.get("/status/503")
        running.get(host="nobody.test")
        return lines(page).filter(has_text=text).count() > 0

    until("a request is shown", lambda: shown("GET app.test/status/503"))
    until("another one says why", lambda: shown("No route matches the request."))
    expect(page.locator(".lines .failed").first).to_contain_text("503")
    screen.shoot("logs-requests")
    page.get_by_role("button", name="Pause").click()
    held = lines(page).count()
    running.get("/held")
    expect(page.get_by_role("button", name=re.compile(r"Resume \(\d+ new\)"))).to_be_visible()
    assert lines(page).count() == held
    page.get_by_role("button", name="Resume").click()
    expect(lines(page).filter(has_text="/held")).to_have_count(1)
    page.get_by_role("combobox", name="Status").select_option("5xx")
    expect(lines(page)).to_have_count(0)
    until("a 503 is shown", lambda: shown("/status/503"))
    expect(lines(page).filter(has_text="404")).to_have_count(0)


# --- traces


def test_a_forced_trace_is_listed_and_its_waterfall_shows_each_hop(browser: Browser, launch: Launch) -> None:
    screen = tab(browser, launch.site)
    page = screen.open("/traces")
    expect(page.get_by_text("No trace fits.")).to_be_visible()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    context = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    assert launch.site.get("/?a=b", host="customer.test", headers=context).status == 200
    listed = page.get_by_role("link", name=trace_id[:12])
    expect(listed).to_be_visible()
    row = page.get_by_role("row").filter(has=listed)
    expect(row).to_contain_text("GET /?a=b")
    until("all hops have come", lambda: row.get_by_role("cell").nth(4).inner_text() == "4")
    page.get_by_label("At least").fill("60000")
    page.get_by_label("At least").press("Enter")
    expect(listed).to_have_count(0)
    page.get_by_label("At least").fill("")
    page.get_by_label("At least").press("Enter")
    page.get_by_role("combobox", name="Service").select_option("recommendation")
    expect(listed).to_be_visible()
    screen.shoot("traces-filtered")
    listed.click()
    expect(page.get_by_role("heading", name="GET /?a=b")).to_be_visible()
    expect(page.get_by_text(trace_id)).to_be_visible()
    spans = page.locator(".spans > li")
    expect(spans).to_have_count(4)
    for span, words in zip(spans.all(), HOPS, strict=True):
        expect(span.locator("summary")).to_contain_text(words)
    expect(page.locator(".span.mirrored")).to_have_count(1)
    first = spans.first.locator("summary")
    first.focus()
    page.keyboard.press("Enter")
    expect(spans.first.locator("dl")).to_contain_text("default/customer-gateway/http[0]")
    screen.shoot("trace-with-details")
    assert screen.complaints == []
    page.context.close()


HOPS = (
    "istio-ingressgateway → customer v1",
    "customer-v1 → preference v1",
    "preference-v1 → recommendation v1",
    "preference-v1 → recommendation v2copy",
)


def test_a_trace_that_is_not_there_is_said_with_the_reason(browser: Browser, launch: Launch) -> None:
    screen = tab(browser, launch.site)
    page = screen.open("/traces")
    page.get_by_label("Open").fill("abcdef")
    page.get_by_label("Open").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no trace abcdef")
    expect(page.get_by_text("only sampled requests are traced")).to_be_visible()
    page.context.close()
