"""TLS towards a destination, as DestinationRules ask for it: one real Envoy, servers and certificates made here."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme
from tests.e2e.certificates import authority, pair, secret, serving
from tests.e2e.proxied import Proxied
from tests.e2e.test_routing import destination_rule, service, virtual_service

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CA, OTHER = (trustme.CA(key_type=trustme.KeyType.ECDSA) for _ in range(2))
APP = service("app")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Proxied]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Proxied(Path(folder))
        certificate = CA.issue_cert("plain.test", "secure.test")
        site.secured["default/secure"] = serving(certificate)
        site.secured["default/mutual"] = serving(certificate, believes=CA)
        await site.start()
        yield site
        await site.stop()


def rule(host: str, tls: str) -> str:
    return destination_rule(host, f"{{tls: {tls}}}")


async def test_the_certificate_is_checked_against_the_authority_and_the_name_that_was_asked_for(site: Proxied) -> None:
    objects = (
        APP,
        service("secure"),
        secret("roots", {"ca.crt": authority(CA)}),
        virtual_service(AS_SECURE, hosts="[secure]"),
    )
    await site.apply(*objects, rule("secure", "{mode: SIMPLE, credentialName: roots}"))
    answer = await site.call("secure/x")
    assert (answer.status, answer.by) == (200, "secure")
    assert site.upstreams["default/secure"].asked[-1] == "secure.test", "as the request is rewritten"
    await site.apply(
        *objects,
        rule("secure", "{mode: SIMPLE, credentialName: roots, sni: plain.test, subjectAltNames: [secure.test]}"),
    )
    assert (await site.call("secure/x")).status == 200
    assert site.upstreams["default/secure"].asked[-1] == "plain.test"
    for wrong in ("subjectAltNames: [other.test]", "sni: plain.test, subjectAltNames: ['spiffe://secure.test']"):
        await site.apply(*objects, rule("secure", f"{{mode: SIMPLE, credentialName: roots, {wrong}}}"))
        assert (await site.call("secure/x")).status == 503
    await site.apply(
        *objects[:2],
        objects[3],
        rule("secure", "{mode: SIMPLE, caCertificates: /other.pem}"),
        files={"/other.pem": authority(OTHER)},
    )
    assert (await site.call("secure/x")).status == 503
    await site.apply(*objects[:2], rule("secure", "{mode: SIMPLE, insecureSkipVerify: true}"))
    assert (await site.call("secure/x")).status == 200


AS_SECURE = "- rewrite: {authority: secure.test}\n  route: [{destination: {host: secure}}]"
AS_MUTUAL = "- rewrite: {authority: secure.test}\n  route: [{destination: {host: mutual}}]"


async def test_a_client_certificate_is_shown_from_a_secret_or_from_files(site: Proxied) -> None:
    objects = (APP, service("mutual"), virtual_service(AS_MUTUAL, hosts="[mutual]"))
    client = pair(CA.issue_cert("client.test"))
    named = secret("client", client | {"ca.crt": authority(CA)})
    await site.apply(*objects, named, rule("mutual", "{mode: MUTUAL, credentialName: client}"))
    assert (await site.call("mutual/")).request["client"] == ["client.test"]
    files = {"/c.pem": client["tls.crt"], "/k.pem": client["tls.key"], "/ca.pem": authority(CA)}
    by_path = "{mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem, caCertificates: /ca.pem}"
    await site.apply(*objects, rule("mutual", by_path), files=files)
    assert (await site.call("mutual/")).request["client"] == ["client.test"]
    await site.apply(*objects, named, rule("mutual", "{mode: SIMPLE, credentialName: client}"))
    assert (await site.call("mutual/")).status == 503
    await site.apply(*objects, rule("mutual", "{mode: MUTUAL, credentialName: client}"))
    assert (await site.call("mutual/")).status == 503, "rather than plain text"
    await site.forget()
    await site.call("mutual/")
    assert await site.flags() == {"503 NC": 1}
    assert site.rejections == []
