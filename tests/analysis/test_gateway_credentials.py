"""Secrets of gateways: there, valid now, and with a key that belongs to the certificate."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
import trustme
from tests.analysis.samples import NOW

from turnout.analysis.gateway_credentials import gateway_credentials
from turnout.analysis.inventory import Subject, inventory
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: front}
      hosts: ["a.test"]
---
apiVersion: v1
kind: Pod
metadata: {name: gateway, namespace: istio-system, labels: {istio: ingressgateway}}
"""
CA = trustme.CA()


def _secret(certificate: trustme.LeafCert, key: trustme.LeafCert, namespace: str = "istio-system") -> str:
    chain = base64.b64encode(certificate.cert_chain_pems[0].bytes()).decode()
    private = base64.b64encode(key.private_key_pem.bytes()).decode()
    return f"""\
apiVersion: v1
kind: Secret
metadata: {{name: front, namespace: {namespace}}}
data: {{tls.crt: {chain}, tls.key: {private}}}
"""


def _codes(*texts: str) -> list[str]:
    objects = [document.data for text in texts for document in read(text, "input.yaml")[0]]
    kept = inventory([Subject(obj, interpret(obj).draft) for obj in objects], NOW)
    return [problem.code for problem in gateway_credentials(kept)]


@pytest.fixture(scope="module")
def valid() -> trustme.LeafCert:
    return CA.issue_cert("a.test", not_before=NOW - timedelta(days=1), not_after=NOW + timedelta(days=1))


def test_a_certificate_that_is_valid_now_is_fine(valid: trustme.LeafCert) -> None:
    assert _codes(GATEWAY, _secret(valid, valid)) == []


def test_a_secret_has_to_be_where_the_gateway_runs(valid: trustme.LeafCert) -> None:
    assert _codes(GATEWAY, _secret(valid, valid, "default")) == ["IST0101"]
    assert _codes(GATEWAY) == ["IST0101"]


@pytest.mark.parametrize(("begins", "ends"), [(-9, -1), (1, 9)])
def test_a_certificate_that_has_ended_or_not_begun_is_not_valid(begins: int, ends: int) -> None:
    other = CA.issue_cert("a.test", not_before=NOW + timedelta(days=begins), not_after=NOW + timedelta(days=ends))
    assert _codes(GATEWAY, _secret(other, other)) == ["IST0161"]


def test_a_key_that_belongs_to_another_certificate_is_told_apart(valid: trustme.LeafCert) -> None:
    assert _codes(GATEWAY, _secret(valid, CA.issue_cert("b.test"))) == ["TNO321"]


def test_a_gateway_without_pods_is_told() -> None:
    assert _codes(GATEWAY.replace("selector: {istio: ingressgateway}", "selector: {istio: ingresstypo}")) == ["IST0101"]
