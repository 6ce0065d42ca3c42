"""Where certificates come from, and what is said of those that are no good."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import trustme
from tests.compiler.world import manifests
from tests.e2e.certificates import authority, pair, secret

from turnout.mesh import client_tls, mesh, server_tls
from turnout.mesh.credential import SYSTEM_AUTHORITIES, Unusable
from turnout.mesh.credential_files import credential_files
from turnout.mesh.credentials_in_use import credentials_in_use
from turnout.mesh.gateway_servers import servers
from turnout.mesh.mesh import Mesh
from turnout.mesh.server_tls import ServerTLS

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
PAIR = pair(CA.issue_cert("a.test", key_type=trustme.KeyType.ECDSA))
ROOTS = authority(CA)
HOST = "a.default.svc.cluster.local"


def gateway(tls: str, namespace: str = "default") -> str:
    return (
        f"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: {namespace}}}\n"
        f"spec: {{servers: [{{port: {{number: 443, name: s, protocol: HTTPS}}, hosts: [a.test], tls: {tls}}}]}}\n"
    )


def rule(tls: str) -> str:
    return (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        "spec: {selector: {app: a}, ports: [{port: 80, name: http}]}\n"
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\n"
        f"spec: {{host: a, trafficPolicy: {{tls: {tls}}}}}\n"
    )


def built(*texts: str, files: Mapping[str, str] | None = None) -> Mesh:
    named = ((f"{at}.yaml", text) for at, text in enumerate(texts))
    return mesh.build(manifests(*named).resources, (), files)


def served(found: Mesh) -> ServerTLS | Unusable:
    (bound,) = servers(found, 443)
    return server_tls.server_tls(found, bound)


@pytest.mark.parametrize("data", [PAIR, {"cert": PAIR["tls.crt"], "key": PAIR["tls.key"]}])
@pytest.mark.parametrize("namespace", ["istio-system", "default"])
def test_a_secret_is_beside_the_gateways_workload_or_the_gateway(data: dict[str, str], namespace: str) -> None:
    found = served(built(gateway("{mode: SIMPLE, credentialName: c}"), secret("c", data, namespace)))
    assert isinstance(found, ServerTLS)
    assert [pair.name for pair in found.pairs] == [f"pair|{namespace}/c"]


def test_the_secret_beside_the_workload_comes_first_and_a_name_may_say_its_namespace() -> None:
    here, there = secret("c", PAIR), secret("c", PAIR, "istio-system")
    found = served(built(gateway("{mode: SIMPLE, credentialName: c}"), here, there))
    assert isinstance(found, ServerTLS)
    assert found.pairs[0].name == "pair|istio-system/c"
    elsewhere = secret("c", PAIR, "other")
    found = served(built(gateway("{mode: SIMPLE, credentialName: 'kubernetes-gateway://other/c'}"), here, elsewhere))
    assert isinstance(found, ServerTLS)
    assert found.pairs[0].name == "pair|other/c"


@pytest.mark.parametrize(
    ("tls", "data", "message"),
    [
        ("{mode: SIMPLE, credentialName: c}", None, 'there is no Secret "c" in namespace istio-system or default'),
        ("{mode: SIMPLE, credentialName: c}", {}, "Secret default/c has no tls.crt and tls.key (it has: nothing)"),
        (
            "{mode: SIMPLE, credentialName: c}",
            {"tls.crt": PAIR["tls.crt"], "key.pem": "x"},
            "Secret default/c has no tls.crt and tls.key (it has: key.pem, tls.crt)",
        ),
        (
            "{mode: SIMPLE, credentialName: c}",
            PAIR | {"tls.key": ROOTS},
            "Secret default/c: the private key cannot be read: it holds CERTIFICATE",
        ),
        ("{mode: MUTUAL, credentialName: c}", PAIR, "Secret default/c has no ca.crt (it has: tls.crt, tls.key)"),
        ("{mode: ISTIO_MUTUAL}", None, "ISTIO_MUTUAL needs the identities that a mesh gives its workloads"),
    ],
)
def test_a_server_without_a_good_certificate_says_why(tls: str, data: dict[str, str] | None, message: str) -> None:
    found = built(gateway(tls), *([] if data is None else [secret("c", data)]))
    (problem,) = server_tls.unusable(found)
    assert (problem.code, problem.message) == ("TNO321", f"the server is not served: {message}")
    assert PAIR["tls.key"][40:80] not in f"{problem} {found!r}"


def test_the_authority_of_clients_is_in_a_secret_of_its_own_or_in_the_same() -> None:
    gw = gateway("{mode: MUTUAL, credentialName: c}")
    for objects in (
        [secret("c", PAIR | {"ca.crt": ROOTS})],
        [secret("c", PAIR), secret("c-cacert", {"cacert": ROOTS})],
    ):
        found = served(built(gw, *objects))
        assert isinstance(found, ServerTLS)
        assert found.authority is not None
        assert found.authority.certificates == ROOTS


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: "\n".join(f"  {line}" for line in text.splitlines()),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"a comment\n{text}\nanother",
        lambda text: f"{text}\0",
    ],
)
def test_what_only_some_can_read_reaches_envoy_as_everybody_can(changed: Callable[[str], str]) -> None:
    written = {"tls.crt": changed(PAIR["tls.crt"]), "tls.key": PAIR["tls.key"], "ca.crt": changed(ROOTS)}
    found = served(built(gateway("{mode: MUTUAL, credentialName: c}"), secret("c", written)))
    plain = served(built(gateway("{mode: MUTUAL, credentialName: c}"), secret("c", PAIR | {"ca.crt": ROOTS})))
    assert found == plain


@pytest.mark.parametrize(
    "pins", ["verifyCertificateSpki: [eA==]", "verifyCertificateHash: [zz]", f"verifyCertificateHash: [{'0:' * 31}0]"]
)
def test_a_pin_that_is_none_lets_nobody_in_rather_than_everybody(pins: str) -> None:
    text = gateway(f"{{mode: MUTUAL, credentialName: c, {pins}}}")
    found = served(built(text, secret("c", PAIR | {"ca.crt": ROOTS})))
    assert isinstance(found, Unusable)
    assert found.field == pins.partition(":")[0] + "[0]"


BY_PATH = "{mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /a}"


def test_files_are_named_told_when_they_are_missing_and_not_judged_before_somebody_looked() -> None:
    there = {"/c": PAIR["tls.crt"], "/k": PAIR["tls.key"], "/a": ROOTS}
    assert credential_files(built(gateway(BY_PATH)).gateways) == there.keys()
    assert isinstance(served(built(gateway(BY_PATH), files=there)), ServerTLS)
    (problem,) = server_tls.unusable(built(gateway(BY_PATH), files=there | {"/k": ROOTS}))
    assert problem.message.endswith("/c: the private key cannot be read: it holds CERTIFICATE")
    (problem,) = server_tls.unusable(built(gateway(BY_PATH), files={}))
    assert problem.message == 'the server is not served: the file "/c" cannot be read'
    assert list(server_tls.unusable(built(gateway(BY_PATH)))) == []


def towards(found: Mesh) -> client_tls.ClientTLS | Unusable | None:
    return client_tls.client_tls(found, HOST, "", 80, "")


@pytest.mark.parametrize("tls", ["{mode: DISABLE}", "{mode: ISTIO_MUTUAL}"])
def test_plain_text_stays_plain_text(tls: str) -> None:
    assert towards(built(rule(tls))) is None


def test_without_an_authority_of_its_own_whom_this_machine_believes_counts() -> None:
    text = rule("{mode: SIMPLE}")
    found = towards(built(text, files={SYSTEM_AUTHORITIES: ROOTS}))
    assert isinstance(found, client_tls.ClientTLS)
    assert found.authority is not None
    assert credential_files(built(text).destination_rules) == {SYSTEM_AUTHORITIES}
    (problem,) = client_tls.unusable(built(text, files={}))
    assert problem.message == "requests get 503: whom this machine believes is written nowhere that is known"
    assert list(client_tls.unusable(built(text))) == []


def test_for_callers_that_a_rule_selects_a_secret_is_looked_for_in_their_namespace() -> None:
    text = rule("{mode: SIMPLE, credentialName: c}").replace(
        "host: a,", "host: a, workloadSelector: {matchLabels: {app: b}},"
    )
    found = built(text, secret("c", {"ca.crt": ROOTS}))
    view = found.view(HOST, found.sight("default", {"app": "b"}))
    tls = client_tls.client_tls(found, HOST, view, 80, "")
    assert isinstance(tls, client_tls.ClientTLS), view
    assert client_tls.client_tls(found, HOST, "", 80, "") is None, "nobody else speaks TLS"


def test_a_missing_authority_says_how_to_make_one() -> None:
    (problem,) = client_tls.unusable(built(rule("{mode: SIMPLE, credentialName: c}")))
    assert problem.message == 'requests get 503: there is no Secret "c-cacert" in namespace default or istio-system'
    assert problem.hint == "kubectl create secret generic c-cacert --from-file=ca.crt -n default"


def test_nobody_is_asked_when_the_certificate_does_not_matter() -> None:
    found = towards(built(rule("{mode: SIMPLE, insecureSkipVerify: true}")))
    assert isinstance(found, client_tls.ClientTLS)
    assert found.authority is None


def test_a_credential_that_is_missing_is_told_where_it_is_named() -> None:
    found = built(rule("{mode: MUTUAL, credentialName: c}"))
    assert isinstance(towards(found), Unusable)
    (problem,) = client_tls.unusable(found)
    assert (problem.code, str(problem.where)) == (
        "TNO322",
        "DestinationRule default/a spec.trafficPolicy.tls.credentialName",
    )


SIMPLE = gateway("{mode: SIMPLE, credentialName: c}")
BAD = {"tls.crt": PAIR["tls.crt"], "tls.key": "no key"}


def after(before: Mesh, *texts: str) -> Mesh:
    """The next mesh, made of these."""
    named = ((f"{at}.yaml", text) for at, text in enumerate(texts))
    return mesh.build(manifests(*named).resources, last_credentials=credentials_in_use(before))


def test_a_certificate_that_becomes_no_good_leaves_the_last_good_one_in_use_and_says_so() -> None:
    good = built(SIMPLE, secret("c", PAIR))
    bad = after(good, SIMPLE, secret("c", BAD))
    still_bad = after(bad, SIMPLE, secret("c", {}))
    for found in (bad, still_bad):
        kept, sound = served(found), served(good)
        assert isinstance(kept, ServerTLS)
        assert isinstance(sound, ServerTLS)
        assert kept.pairs[0].certificate == sound.pairs[0].certificate
        (problem,) = server_tls.unusable(found)
        assert problem.message.startswith("the last good one stays: ")


def test_a_certificate_that_is_good_again_is_used() -> None:
    bad = after(built(SIMPLE, secret("c", PAIR)), SIMPLE, secret("c", BAD))
    other = pair(CA.issue_cert("b.test", key_type=trustme.KeyType.ECDSA))
    renewed = served(after(bad, SIMPLE, secret("c", other)))
    assert isinstance(renewed, ServerTLS)
    assert renewed.pairs[0].instead_of is None
    assert list(server_tls.unusable(after(bad, SIMPLE, secret("c", other)))) == []


def test_a_secret_that_was_taken_away_serves_nothing() -> None:
    found = after(built(SIMPLE, secret("c", PAIR)), SIMPLE)
    assert isinstance(served(found), Unusable)


def test_a_certificate_that_never_was_any_good_is_none() -> None:
    assert isinstance(served(after(built(SIMPLE), SIMPLE, secret("c", BAD))), Unusable)


def test_towards_a_destination_the_last_good_authority_stays_too() -> None:
    asked = rule("{mode: SIMPLE, credentialName: c}")
    good = built(asked, secret("c", {"ca.crt": ROOTS}))
    bad = after(good, asked, secret("c", {"ca.crt": "none"}))
    (problem,) = client_tls.unusable(bad)
    assert problem.message.startswith("the last good one stays: ")
    found = client_tls.client_tls(bad, HOST, "", 80, "")
    assert not isinstance(found, Unusable)
    assert found is not None
    assert found.authority is not None
