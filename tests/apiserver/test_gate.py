"""Who is let in."""

from __future__ import annotations

import base64

import pytest
from tests.apiserver.samples import TOKEN, Served


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/healthz", "/version", "/apis", "/api/v1/secrets", "/turnout/v1/echo", "/nothing"])
@pytest.mark.parametrize(
    "credential",
    ["", "Bearer", "Bearer ", "Bearer x", f"Bearer {TOKEN}x", f"Bearer {TOKEN.upper()}", TOKEN, f"Basic {TOKEN}"],
)
def test_without_the_token_nothing_is_told(shared: Served, path: str, credential: str) -> None:
    response, status = shared.request("GET", path, None, {"Authorization": credential})
    assert (response.status, status["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize("credential", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("turnout", TOKEN)])
def test_the_token_opens_as_bearer_or_as_password(shared: Served, credential: str) -> None:
    assert shared.request("GET", "/version", None, {"Authorization": credential})[0].status == 200


def test_a_wrong_user_with_the_right_password_is_refused(shared: Served) -> None:
    assert shared.request("GET", "/version", None, {"Authorization": basic("root", TOKEN)})[0].status == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
@pytest.mark.parametrize("with_port", [True, False])
def test_a_loopback_host_is_fine_with_the_port_or_without(shared: Served, host: str, with_port: bool) -> None:
    value = f"{host}:{shared.port}" if with_port else host
    assert shared.request("GET", "/version", None, {"Host": value})[0].status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:1", "127.0.0.1.evil.example", "localhost:", "[::1", "127.0.0.2", "0.0.0.0"]
)
def test_any_other_host_is_refused_even_with_the_token(shared: Served, host: str) -> None:
    response, status = shared.request("GET", "/version", None, {"Host": host})
    assert (response.status, status["reason"]) == (403, "Forbidden")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "http://localhost:1", "https://127.0.0.1:{port}"]
)
def test_the_page_of_another_site_is_refused_even_with_the_token(shared: Served, origin: str) -> None:
    headers = {"Origin": origin.format(port=shared.port)}
    assert shared.request("POST", "/turnout/v1/echo", {}, headers)[0].status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_the_servers_own_origin_is_fine(shared: Served, host: str) -> None:
    assert shared.request("GET", "/version", None, {"Origin": f"http://{host}:{shared.port}"})[0].status == 200
