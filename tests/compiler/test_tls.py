"""What Envoy is told of TLS, beyond what it does with it."""

from __future__ import annotations

import pytest
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import SubjectAltNameMatcher
from tests.compiler.world import world
from tests.e2e.certificates import secret
from tests.mesh.test_credentials import PAIR, ROOTS, gateway, rule

from turnout.compiler.config import CLUSTER, LISTENER, SECRET
from turnout.compiler.tls import alternative_names

WEB = gateway("{mode: MUTUAL, credentialName: c}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.test", SubjectAltNameMatcher.DNS),
        ("spiffe://cluster.local/ns/a/sa/b", SubjectAltNameMatcher.URI),
        ("10.0.0.1", SubjectAltNameMatcher.IP_ADDRESS),
        ("::1", SubjectAltNameMatcher.IP_ADDRESS),
    ],
)
def test_a_name_in_a_certificate_is_of_the_kind_that_it_looks_like(
    name: str, kind: SubjectAltNameMatcher.SanType.ValueType
) -> None:
    (matcher,) = alternative_names([name])
    assert (matcher.san_type, matcher.matcher.exact) == (kind, name)


def test_keys_travel_apart_so_that_a_renewed_one_changes_nothing_else() -> None:
    one = world(("a", WEB), ("b", secret("c", PAIR | {"ca.crt": ROOTS}))).config
    other = world(("a", WEB), ("b", secret("c", PAIR | {"ca.crt": ROOTS * 2}))).config
    assert one.resources[SECRET].keys() == {"pair|default/c", "authority|default/c"}
    assert one.resources[LISTENER] == other.resources[LISTENER]
    changed = [name for name, old in one.resources[SECRET].items() if other.resources[SECRET][name] != old]
    assert changed == ["authority|default/c"]
    assert PAIR["tls.key"][40:80] not in str(one.resources[LISTENER])


def test_one_secret_serves_both_ends() -> None:
    text = WEB + rule("{mode: MUTUAL, credentialName: c}")
    config = world(("a", text), ("b", secret("c", PAIR | {"ca.crt": ROOTS}))).config
    assert config.resources[SECRET].keys() == {"pair|default/c", "authority|default/c"}


def test_a_port_that_nobody_can_enter_does_not_listen() -> None:
    assert "gateway|443" not in world(("a", WEB)).config.resources[LISTENER]


ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: default}
spec:
  hosts: [outside.test]
  ports: [{number: 443, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.1}]
  subjectAltNames: [entry.test]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: outside, namespace: default}
spec: {host: outside.test, trafficPolicy: {tls: {mode: SIMPLE, credentialName: c, NAMES}}}
---
"""


@pytest.mark.parametrize(
    ("names", "found", "other"),
    [("", "entry.test", "rule.test"), ("subjectAltNames: [rule.test]", "rule.test", "entry.test")],
)
def test_names_of_a_service_entry_count_where_the_rule_has_none(names: str, found: str, other: str) -> None:
    config = world(("a", ENTRY.replace("NAMES", names)), ("b", secret("c", {"ca.crt": ROOTS}))).config
    cluster = str(config.resources[CLUSTER]["outbound|443||outside.test"].message)
    assert found in cluster
    assert other not in cluster
