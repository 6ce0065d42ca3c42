"""TLS at the gateway, as a client meets it: one real Envoy, and certificates made here."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from tests.compiler.test_cases import BASE
from tests.e2e import certificates
from tests.e2e.certificates import pair, secret, trusting
from tests.e2e.proxied import Proxied

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SERVICES = BASE.read_text(encoding="utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Proxied]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Proxied(Path(folder))
        await site.start()
        yield site
        await site.stop()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def server(host: str, tls: str, name: str = "https", port: int = 443, protocol: str = "HTTPS") -> str:
    return f"  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}, hosts: [{host}], tls: {tls}}}\n"


def gateway(*servers: str, name: str = "gw") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\n"
        f"metadata: {{name: {name}}}\nspec:\n  servers:\n{''.join(servers)}"
    )


def route(host: str, to: str, name: str = "") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name or to}}}\nspec: {{hosts: [{host}], gateways: [gw], "
        f"http: [{{route: [{{destination: {{host: {to}}}}}]}}]}}\n"
    )


def simple(credential: str, more: str = "") -> str:
    return f"{{mode: SIMPLE, credentialName: {credential}{more}}}"


async def test_each_host_has_its_certificate_and_its_routes_and_speaks_http2(site: Proxied, ca: trustme.CA) -> None:
    await site.apply(
        SERVICES,
        secret("a-tls", pair(ca.issue_cert("a.test", "*.a.test")), "istio-system"),
        secret("b-tls", pair(ca.issue_cert("b.test"))),
        gateway(server("a.test, '*.a.test'", simple("a-tls"), "a"), server("b.test", simple("b-tls"), "b")),
        route("'*.a.test', a.test", "a"),
        route("b.test", "b"),
    )
    port, client = site.listens(443), trusting(ca)
    seen = await certificates.get(port, "a.test", client)
    assert (seen.status, seen.names) == (200, ["a.test", "*.a.test"])
    assert json.loads(seen.body)["by"] in ("a-v1", "a-v2")
    assert json.loads(seen.body)["headers"]["x-forwarded-proto"] == "https"
    assert (await certificates.get(port, "www.a.test", client)).status == 200
    seen = await certificates.get(port, "b.test", client)
    assert (json.loads(seen.body)["by"], seen.names) == ("b", ["b.test"])
    assert (await certificates.get(port, "b.test", client, sni="a.test")).status == 404, "each server has its own hosts"
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert await certificates.agreed(port, "a.test", client) == "h2"
    with pytest.raises(ConnectionError):
        await certificates.get(port, "c.test", trusting(ca))
    assert site.rejections == []
