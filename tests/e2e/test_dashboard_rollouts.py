"""Comparisons and rollouts in a real browser: what is started, steered and stopped there happens to real traffic."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import PHONE, WIDE, Screen, chromium, tab
from tests.e2e.manifests import HOST
from tests.e2e.site import Site, until

from turnout.resources.kinds import VIRTUAL_SERVICE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

RATE = "200"
ROLLOUT = {
    "apiVersion": "turnout.dev/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "app-v2"},
    "spec": {
        "service": "app",
        "from": "v1",
        "to": "v2",
        "steps": [{"weight": 20, "minTime": "10m"}, {"weight": 50}],
        "guards": [{"errors": {"tolerance": 10}}, {"slow": {"quantile": 0.5, "tolerance": 50}}],
    },
}


@pytest.fixture(scope="module")
def busy() -> Iterator[Site]:
    """A site that answers JSON, under load."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        shutil.copy(Path(__file__).with_name("json_service.py"), site.service_file)
        site.up()
        argv = [sys.executable, "-m", "turnout", "load", "--rate", RATE, "-t", "5m", f"http://{HOST}/things"]
        with subprocess.Popen(argv, cwd=site.folder, env=site.environment, stdout=subprocess.DEVNULL) as load:
            yield site
            load.terminate()
    finally:
        site.close()
        shutil.rmtree(site.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def screen(browser: Browser, busy: Site) -> Iterator[Screen]:
    screen = tab(browser, busy)
    yield screen
    assert screen.complaints == []
    screen.page.context.close()


def rules(site: Site) -> list[dict[str, Any]]:
    with site.client() as client:
        return list(client.get(VIRTUAL_SERVICE, "default", "app")["spec"]["http"])


def test_a_comparison_is_started_followed_and_stopped(screen: Screen, busy: Site) -> None:
    page = screen.open("/compare")
    expect(page.get_by_role("heading", name="Nothing was compared yet")).to_be_visible()
    page.get_by_label("Copy").select_option("all")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_text("Started.")).to_be_focused()
    finding = page.locator(".finding").filter(has_text="$.version")
    expect(finding.locator(".pill")).to_have_text("difference")
    expect(finding.locator(".side")).to_have_text(["v1v1", "v2v2"])
    assert [rule["name"] for rule in rules(busy)] == ["main-mirror", "main"]
    finding.get_by_text("It is meant to be so").press("Enter")
    command = finding.locator(".command")
    expect(command).to_have_text("turnout compare accept '$.version' --kind value --route main")
    pairs = page.locator(".rollout-head dd").first
    before = pairs.inner_text()
    mark(page, ".finding, .side")
    until("more is compared", lambda: pairs.inner_text() != before)
    assert page.locator(".finding:not([data-seen]), .side:not([data-seen])").count() == 0, "nothing was drawn anew"
    expect(command).to_be_visible()
    expect(finding.get_by_text("It is meant to be so")).to_be_focused()
    screen.shoot("compare")
    fits_a_phone(screen, "compare-on-a-phone")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. The routes are as they were before.")).to_be_focused()
    assert [rule["name"] for rule in rules(busy)] == ["main"]
    expect(finding).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_rollout_is_followed_and_steered(screen: Screen, busy: Site) -> None:
    page = screen.open("/rollouts")
    expect(page.get_by_role("heading", name="No rollout yet")).to_be_visible()
    busy.write("k8s/to-v2.yaml", json.dumps(ROLLOUT))
    present = page.locator(".station[aria-current=step]")
    expect(present).to_contain_text("weight 20 %")
    expect(page.locator(".split")).to_contain_text("20 % to v2")
    expect(page.get_by_role("img", name=re.compile(r"increase .* points, between .* tolerated \+10"))).to_be_visible()
    expect(present).to_contain_text("touches")
    mark(page, ".guard, .station")
    words = present.inner_text()
    until("more is counted", lambda: present.inner_text() != words)
    assert page.locator(".guard:not([data-seen]), .station:not([data-seen])").count() == 0, "nothing was drawn anew"
    ordered(page, "Pause")
    expect(page.locator(".rollout-title")).to_contain_text("paused")
    fits_a_phone(screen, "rollout-on-a-phone")
    ordered(page, "Resume")
    expect(page.locator(".rollout-title")).to_contain_text("running")
    screen.shoot("rollout")
    ordered(page, "Abort")
    expect(page.locator(".station").first).to_contain_text("ended here")
    expect(page.locator(".rollout-head")).to_contain_text("All requests were back at v1")
    assert [choice["weight"] for choice in rules(busy)[0]["route"]] == [100, 0]
    event = page.locator(".event").filter(has=page.get_by_text("abort", exact=True)).first
    event.locator("summary").click()
    expect(event.get_by_role("rowheader", name="errors")).to_be_visible()
    screen.shoot("rollout-aborted")


def mark(page: Page, what: str) -> None:
    """So that what is made anew is told from what stays."""
    page.evaluate("what => document.querySelectorAll(what).forEach((each) => (each.dataset.seen = 'yes'))", what)


def fits_a_phone(screen: Screen, name: str) -> None:
    """In the dark."""
    page = screen.page
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0
    screen.shoot(name)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def ordered(page: Page, verb: str) -> None:
    """With the keyboard alone, at the second thought: Escape takes the first one back."""
    button = page.get_by_role("button", name=f"{verb}…")
    dialog = page.get_by_role("dialog", name=f"{verb} this rollout?")
    button.press("Enter")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    button.press("Enter")
    dialog.get_by_role("button", name=verb, exact=True).press("Enter")
    expect(page.get_by_text(re.compile(f"{verb}: the engine took the order after"))).to_be_focused()
