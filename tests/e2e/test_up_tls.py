"""HTTPS of a real `turnout up`: where it is found, what becomes of renewed certificates, and who sees their keys."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import trustme
from tests.e2e import manifests
from tests.e2e.certificates import Seen, get, pair, secret, trusting
from tests.e2e.site import Site, until
from tests.ports import free_port

pytestmark = pytest.mark.e2e

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)


def https(name: str, host: str, **tls: str) -> manifests.Object:
    port = {"number": 443, "name": name, "protocol": "HTTPS"}
    return {"port": port, "hosts": [host], "tls": {"mode": "SIMPLE", **tls}}


def lay_out(site: Site) -> dict[str, str]:
    """Plain HTTP leads to HTTPS, with a certificate from a Secret; another host has its own in files, later."""
    gateway: dict[str, Any] = dict(manifests.gateway())
    gateway["spec"]["servers"][0]["tls"] = {"httpsRedirect": True}
    gateway["spec"]["servers"] += [
        https("secret", manifests.HOST, credentialName="web"),
        https("files", "files.test", serverCertificate="files.crt", privateKey="files.key"),
    ]
    site.apply("gateway.yaml", gateway)
    shown = pair(CA.issue_cert(manifests.HOST))
    site.write("k8s/secret.yaml", secret("web", shown))
    return shown


def seen(port: int, host: str) -> Seen | None:
    try:
        return asyncio.run(get(port, host, trusting(CA)))
    except OSError:
        return None


def test_https_is_served_renewed_and_its_keys_stay_where_they_are(site: Site) -> None:
    shown, port = lay_out(site), free_port()
    site.up("--gateway-port", f"443={port}")
    first = seen(port, manifests.HOST)
    assert first is not None
    assert first.status == 200
    assert asyncio.run(location(site)) == f"https://{manifests.HOST}:{port}/"
    assert [problem["code"] for problem in site.status()["problems"]] == ["TNO321"]
    files = pair(CA.issue_cert("files.test"))
    (site.folder / "files.crt").write_text(files["tls.crt"])
    (site.folder / "files.key").write_text(files["tls.key"])
    until("the files are taken over", lambda: (found := seen(port, "files.test")) and found.status == 404)
    site.write("k8s/secret.yaml", secret("web", pair(CA.issue_cert(manifests.HOST))))
    until("the certificate is renewed", lambda: (found := seen(port, manifests.HOST)) and found.serial != first.serial)
    status = site.status()
    assert [(g["protocol"], g["listens"]) for g in status["gateways"]][1:] == [("https", port)] * 2
    assert status["problems"] == []
    for kept in (shown["tls.key"], files["tls.key"]):
        line = kept.splitlines()[1]
        assert line not in json.dumps(status)
        holding = [path for path in site.state.rglob("*") if path.is_file() and line.encode() in path.read_bytes()]
        assert holding == []


async def location(site: Site) -> str:
    """Where a plain request is sent to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET / HTTP/1.1\r\nhost: {manifests.HOST}:{site.port}\r\n\r\n".encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    writer.close()
    return head.split("location: ")[1].split("\r\n")[0]
