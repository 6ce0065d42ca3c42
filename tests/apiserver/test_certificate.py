"""What the API shows in TLS is kept, and its key is nobody else's."""

from __future__ import annotations

import http.client
import json
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from tests.apiserver.samples import NOW, TOKEN, Served

from turnout.apiserver.certificate import LIFE, certificate


def test_a_restart_shows_the_same_one(tmp_path: Path) -> None:
    file = tmp_path / "api.pem"
    first = certificate(file, NOW)
    assert certificate(file, NOW + timedelta(days=365)) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("why", ["about to end", "readable by others", "cut off"])
def test_one_that_is_no_good_any_more_is_replaced(tmp_path: Path, why: str) -> None:
    file, now = tmp_path / "api.pem", NOW
    first = certificate(file, now)
    match why:
        case "about to end":
            now += LIFE - timedelta(days=3)
        case "readable by others":
            file.chmod(0o644)
        case _:
            file.write_bytes(file.read_bytes()[:100])
    second = certificate(file, now)
    assert second.text != first.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_trusts_it_is_answered_by_each_of_its_names_and_has_to_have_the_token(served: Served) -> None:
    secure = served.secure()
    trusting = ssl.create_default_context(cadata=secure.certificate)
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # as newer Pythons do
    port = int(secure.url.rpartition(":")[2])
    for host in ("127.0.0.1", "localhost"):
        connection = http.client.HTTPSConnection(host, port, timeout=10, context=trusting)
        connection.request("GET", "/version", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "gitVersion" in json.loads(connection.getresponse().read())
        connection.request("GET", "/version")
        assert connection.getresponse().status == 401
        connection.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context()).request("GET", "/")
