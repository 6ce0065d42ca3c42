"""Who may see the dashboard, and who learns nothing at all."""

from __future__ import annotations

from functools import partial

import pytest
from tests.web.asked import HOST, PORT, SECRET_PAGE, Answer, ask, behind

from turnout.web.gate import Gate
from turnout.web.key import cookie_secret, link, link_secret

TOKEN = "open-sesame"
COOKIE = ("cookie", f"turnout-{PORT}={cookie_secret(TOKEN)}")
ORIGIN = ("origin", f"http://{HOST}")
asked = partial(ask, Gate(behind, TOKEN, PORT))


def assert_nothing_told(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert b"secret" not in answer.body
    assert "set-cookie" not in answer.headers


# --- the link


def test_the_link_becomes_a_cookie_and_leaves_the_address() -> None:
    answer = asked(f"/routes?token={link_secret(TOKEN)}&seconds=60")
    assert (answer.status, answer.headers["location"]) == (303, "/routes?seconds=60")
    secret, *attributes = answer.headers["set-cookie"].split("; ")
    assert secret == COOKIE[1]
    assert set(attributes) == {"HttpOnly", "SameSite=Lax", "Path=/"}
    assert answer.headers["cache-control"] == "no-store"


def test_neither_the_link_nor_the_cookie_is_the_token_and_neither_opens_what_the_other_does() -> None:
    assert len({TOKEN, link_secret(TOKEN), cookie_secret(TOKEN)}) == 3
    assert link("http://127.0.0.1:1", TOKEN) == f"http://127.0.0.1:1/?token={link_secret(TOKEN)}"
    for wrong in (TOKEN, cookie_secret(TOKEN)):
        assert_nothing_told(asked(f"/?token={wrong}"), 401)
    for wrong in (TOKEN, link_secret(TOKEN)):
        assert_nothing_told(asked(headers=[("cookie", f"turnout-{PORT}={wrong}")]), 401)


@pytest.mark.parametrize(
    "given", ["", "x", link_secret(TOKEN)[:-1], link_secret(TOKEN) + "x", link_secret("other"), "é"]
)
def test_a_wrong_link_opens_nothing_and_says_how_to_get_the_right_one(given: str) -> None:
    answer = asked(f"/?token={given}")
    assert_nothing_told(answer, 401)
    assert b"turnout dashboard" in answer.body


def test_two_tokens_in_one_address_open_nothing() -> None:
    assert_nothing_told(asked(f"/?token=x&token={link_secret(TOKEN)}"), 401)


def test_only_a_get_takes_the_link() -> None:
    assert_nothing_told(asked(f"/?token={link_secret(TOKEN)}", method="POST"), 401)


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example"])
def test_the_link_does_not_lead_to_another_site(path: str) -> None:
    location = asked(f"{path}?token={link_secret(TOKEN)}").headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_an_old_link_is_fine_in_a_browser_that_is_let_in_already() -> None:
    answer = asked("/logs?token=old", headers=[COOKIE])
    assert (answer.status, answer.headers["location"]) == (303, "/logs")


# --- the cookie


def test_the_cookie_opens_everything() -> None:
    assert asked(headers=[COOKIE]).body == SECRET_PAGE
    assert asked("/assets/turnout.js", headers=[COOKIE]).status == 200
    assert asked("/", method="POST", headers=[COOKIE, ORIGIN]).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/routes", "/assets/turnout.css", "/_nicegui/3.18.0/static/vue.js", "/favicon.ico"]
)
def test_without_it_there_is_no_page_and_no_file(path: str) -> None:
    assert_nothing_told(asked(path), 401)


@pytest.mark.parametrize(
    "cookie",
    [
        f"turnout-{PORT}=",
        f"turnout-{PORT}={cookie_secret('other')}",
        f"turnout-{PORT + 1}={cookie_secret(TOKEN)}",
        f"turnout={cookie_secret(TOKEN)}",
        cookie_secret(TOKEN),
        "\x00;=;;",
    ],
)
def test_another_cookie_opens_nothing(cookie: str) -> None:
    assert_nothing_told(asked(headers=[("cookie", cookie)]), 401)


def test_it_is_found_among_others() -> None:
    assert asked(headers=[("cookie", f"a=b; {COOKIE[1]}; turnout-1=x")]).status == 200


# --- where a request comes from


@pytest.mark.parametrize("host", ["localhost", "[::1]", "LOCALHOST"])
def test_any_loopback_name_is_its_own(host: str) -> None:
    assert asked(host=f"{host}:{PORT}", headers=[COOKIE]).status == 200


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1", "evil.example", f"evil.example:{PORT}", f"127.0.0.1.evil.example:{PORT}", "127.0.0.1:1"],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_host_gets_nothing_even_with_the_cookie(host: str | None, kind: str) -> None:
    assert_nothing_told(asked(host=host, kind=kind, headers=[COOKIE, ORIGIN]), 403 if kind == "http" else 0)


def test_two_hosts_are_none() -> None:
    assert_nothing_told(asked(headers=[("host", HOST), COOKIE]), 403)


FOREIGN = [
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://localhost:1",
    f"https://{HOST}",
    f"http://{HOST}.evil",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_page_gets_nothing_even_with_the_cookie(origin: str, kind: str) -> None:
    assert_nothing_told(asked(kind=kind, headers=[COOKIE, ("origin", origin)]), 403 if kind == "http" else 0)


def test_a_websocket_needs_its_origin_and_the_cookie() -> None:
    assert asked(kind="websocket", headers=[COOKIE, ORIGIN]).status == 101
    assert asked(kind="websocket", headers=[COOKIE]).status == 0
    assert asked(kind="websocket", headers=[ORIGIN]).status == 0
    assert asked(f"/?token={link_secret(TOKEN)}", kind="websocket", headers=[ORIGIN]).status == 0


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_another_port_embeds_anything_but_links_to_it_work(site: str) -> None:
    """What a page fetches as a script or an image has no Origin; cookies ignore ports."""
    embedded = [COOKIE, ("sec-fetch-site", site), ("sec-fetch-mode", "no-cors")]
    assert_nothing_told(asked("/assets/turnout.js", headers=embedded), 403)
    assert asked(headers=[COOKIE, ("sec-fetch-site", site), ("sec-fetch-mode", "navigate")]).status == 200
    assert asked(headers=[COOKIE, ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]).status == 200
