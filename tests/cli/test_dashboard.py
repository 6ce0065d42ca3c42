"""How the dashboard's link comes to the browser."""

from __future__ import annotations

import stat
import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from turnout.cli import dashboard

LINK = "http://127.0.0.1:4711/?token=a-secret"


def test_the_browser_gets_a_file_that_nobody_else_can_read_because_arguments_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    dashboard._open(LINK, tmp_path / ".turnout")
    (url,) = opened
    assert "secret" not in url
    page = Path(unquote(urlsplit(url).path))
    assert f"url={LINK}" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(("display", "expected"), [("", False), (":0", True)])
def test_without_a_screen_no_browser_takes_the_terminal(
    monkeypatch: pytest.MonkeyPatch, display: str, expected: bool
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert dashboard._has_screen() is expected


def test_a_status_without_a_dashboard_stays_without(tmp_path: Path) -> None:
    assert dashboard.with_link({"dashboard": None, "pid": 1}, tmp_path) == {"dashboard": None, "pid": 1}
