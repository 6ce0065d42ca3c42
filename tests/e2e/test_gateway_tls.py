"""TLS at the gateway, as a client meets it: one real Envoy, and certificates made here."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from tests.compiler.test_cases import BASE
from tests.e2e import certificates
from tests.e2e.certificates import authority, pair, secret, trusting
from tests.e2e.proxied import Proxied

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

REFUSED = r"(?i)alert|reset|closed"
"""How a client learns that its certificate will not do: with TLS 1.3 only when it goes on."""
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


WEB = (SERVICES, route("web.test", "b"))


def web(tls: str) -> str:
    return gateway(server("web.test", tls))


async def test_a_client_has_to_show_a_certificate_or_may(site: Proxied, ca: trustme.CA) -> None:
    credentials = secret("web", pair(ca.issue_cert("web.test")) | {"ca.crt": authority(ca)})
    stranger = trusting(ca, trustme.CA().issue_cert("client.test"))
    known, nobody = trusting(ca, ca.issue_cert("client.test")), trusting(ca)
    await site.apply(*WEB, credentials, web("{mode: MUTUAL, credentialName: web}"))
    port = site.listens(443)
    seen = await certificates.get(port, "web.test", known)
    assert "client.test" in json.loads(seen.body)["headers"]["x-forwarded-client-cert"]
    for client in (nobody, stranger):
        with pytest.raises(OSError, match=REFUSED):
            await certificates.get(port, "web.test", client)
    await site.apply(*WEB, credentials, web("{mode: MUTUAL, credentialName: web, subjectAltNames: [other.test]}"))
    with pytest.raises(OSError, match=REFUSED):
        await certificates.get(port, "web.test", known)
    await site.apply(*WEB, credentials, web("{mode: OPTIONAL_MUTUAL, credentialName: web}"))
    assert (await certificates.get(port, "web.test", nobody)).status == 200
    assert (await certificates.get(port, "web.test", known)).status == 200
    with pytest.raises(OSError, match=REFUSED):
        await certificates.get(port, "web.test", stranger)


async def test_an_authority_of_its_own_secret_and_files_do_as_well(site: Proxied, ca: trustme.CA) -> None:
    shown, known = pair(ca.issue_cert("web.test")), trusting(ca, ca.issue_cert("client.test"))
    beside = secret("web-cacert", {"cacert": authority(ca)})
    await site.apply(*WEB, secret("web", shown), beside, web("{mode: MUTUAL, credentialName: web}"))
    assert (await certificates.get(site.listens(443), "web.test", known)).status == 200
    files = {"/c.pem": shown["tls.crt"], "/k.pem": shown["tls.key"], "/ca.pem": authority(ca)}
    by_path = "{mode: MUTUAL, serverCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem}"
    await site.apply(*WEB, web(by_path), files=files)
    assert (await certificates.get(site.listens(443), "web.test", known)).status == 200


async def test_versions_and_cipher_suites_are_those_that_are_allowed(site: Proxied, ca: trustme.CA) -> None:
    credentials = secret("web", pair(ca.issue_cert("web.test")))
    await site.apply(*WEB, credentials, web(simple("web", ", minProtocolVersion: TLSV1_3")))
    assert (await certificates.get(site.listens(443), "web.test", trusting(ca))).version == "TLSv1.3"
    older = trusting(ca)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        await certificates.get(site.listens(443), "web.test", older)
    suites = "[nonsense, ECDHE-ECDSA-CHACHA20-POLY1305]"
    await site.apply(*WEB, credentials, web(simple("web", f", maxProtocolVersion: TLSV1_2, cipherSuites: {suites}")))
    assert (await certificates.get(site.listens(443), "web.test", trusting(ca))).version == "TLSv1.2"
    older.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError):
        await certificates.get(site.listens(443), "web.test", older)


@pytest.mark.parametrize("data", [{}, {"tls.crt": "no certificate"}, {"tls.key": "another's"}])
async def test_a_server_without_a_good_certificate_is_left_out_and_the_others_are_served(
    site: Proxied, ca: trustme.CA, data: dict[str, str]
) -> None:
    bad = pair(ca.issue_cert("a.test"))
    bad |= {"tls.key": pair(ca.issue_cert("a.test"))["tls.key"]} if data == {"tls.key": "another's"} else data
    await site.apply(
        SERVICES,
        secret("bad", bad) if data else "# none\n",
        secret("good", pair(ca.issue_cert("b.test"))),
        gateway(server("a.test", simple("bad"), "a"), server("b.test", simple("good"), "b")),
        route("a.test", "a"),
        route("b.test", "b"),
    )
    assert (await certificates.get(site.listens(443), "b.test", trusting(ca))).status == 200
    with pytest.raises(ConnectionError):
        await certificates.get(site.listens(443), "a.test", trusting(ca))
    assert site.rejections == []


async def test_a_renewed_certificate_breaks_no_connection(site: Proxied, ca: trustme.CA) -> None:
    old, new = (secret("web", pair(ca.issue_cert("web.test"))) for _ in range(2))
    await site.apply(*WEB, old, web(simple("web")))
    port = site.listens(443)
    before = await certificates.get(port, "web.test", trusting(ca))
    async with certificates.connected(port, "web.test", trusting(ca)) as ask:
        assert await ask() == 200
        await site.apply(*WEB, new, web(simple("web")))
        assert await ask() == 200
    after = await certificates.get(port, "web.test", trusting(ca))
    assert (after.status, after.serial == before.serial) == (200, False)
    _, dump = await site.envoy.admin("GET", "/config_dump?include_eds")
    assert b"PRIVATE KEY" not in dump


async def test_plain_text_is_sent_to_where_https_is_found(site: Proxied, ca: trustme.CA) -> None:
    plain = server("web.test", "{httpsRedirect: true}", "http", 80, "HTTP")
    certificate = secret("web", pair(ca.issue_cert("web.test")))
    await site.apply(*WEB, certificate, gateway(plain, server("web.test", simple("web"))))
    for host in ("web.test", "web.test:8080"):
        answer = await site.ask("web.test/x?y=1", host=host)
        assert (answer.status, answer.headers["location"]) == (301, f"https://{host}/x?y=1"), "as Istio does it"
    await site.apply(*WEB, certificate, gateway(plain, server("web.test", simple("web"))), https_port=8443)
    for host in ("web.test", "web.test:8080"):
        answer = await site.ask("web.test/x?y=1", host=host)
        assert (answer.status, answer.headers["location"]) == (301, "https://web.test:8443/x?y=1")
