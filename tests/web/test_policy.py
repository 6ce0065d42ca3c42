"""What the browser is told to enforce."""

from __future__ import annotations

import re

from tests.web.asked import PORT, SECRET_PAGE, ask, behind

from turnout.web.policy import Policy


def rules(policy: str) -> dict[str, set[str]]:
    return {name: set(sources.split()) for name, _, sources in (rule.partition(" ") for rule in policy.split("; "))}


def test_nothing_is_loaded_from_elsewhere_and_nobody_frames_it() -> None:
    headers = ask(Policy(behind, PORT)).headers
    told = rules(headers["content-security-policy"])
    assert told["default-src"] == told["frame-ancestors"] == told["form-action"] == told["base-uri"] == {"'none'"}
    assert "'unsafe-inline'" not in told["script-src"]
    sources = {source for allowed in told.values() for source in allowed}
    assert {source for source in sources if "://" in source} == {f"ws://127.0.0.1:{PORT}", f"ws://localhost:{PORT}"}
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_pages_own_scripts_carry_the_nonce_of_this_answer() -> None:
    first, second = (ask(Policy(behind, PORT)) for _ in range(2))
    (nonce,) = re.findall(r"'nonce-([\w-]+)'", first.headers["content-security-policy"])
    assert first.body == SECRET_PAGE.replace(b"<script", f'<script nonce="{nonce}"'.encode())
    assert first.headers["content-length"] == str(len(first.body))
    assert nonce not in second.headers["content-security-policy"]


def test_a_file_is_sent_as_it_is() -> None:
    answer = ask(Policy(behind, PORT), "/a.js")
    assert answer.body == SECRET_PAGE
    assert "content-security-policy" in answer.headers


def test_a_websocket_is_left_alone() -> None:
    assert ask(Policy(behind, PORT), kind="websocket").status == 101
