"""Which certificates and keys pass: those that Envoy takes."""

from __future__ import annotations

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from turnout.resources.certificate import authority_fault, pair_fault, revocation_fault

CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
LEAF, OTHER = (CA.issue_cert("a.test", key_type=trustme.KeyType.ECDSA) for _ in range(2))
CHAIN = "".join(blob.bytes().decode() for blob in LEAF.cert_chain_pems)
KEY = LEAF.private_key_pem.bytes().decode()


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b"") -> str:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()


def test_a_chain_and_the_key_of_its_first_certificate_pass() -> None:
    assert pair_fault(CHAIN, KEY) == ""
    assert pair_fault(f"Subject: a.test\n{CHAIN}", f"\n{KEY}") == ""
    assert authority_fault(CA.cert_pem.bytes().decode() * 2) == ""


@pytest.mark.parametrize(
    ("certificate", "key", "fault"),
    [
        ("", KEY, "the certificate cannot be read: it is empty"),
        ("cert", KEY, "the certificate cannot be read: there is no `-----BEGIN CERTIFICATE-----` in it"),
        (KEY, KEY, "the certificate cannot be read: it holds EC PRIVATE KEY"),
        (CHAIN.replace("MII", "MIX", 1), KEY, "the certificate cannot be read"),
        (CHAIN, CHAIN, "the private key cannot be read: it holds CERTIFICATE"),
        (CHAIN, KEY[:60], "the private key cannot be read"),
        (CHAIN, OTHER.private_key_pem.bytes().decode(), "the private key does not belong to the certificate"),
        (CHAIN, pem(ed25519.Ed25519PrivateKey.generate()), "the private key does not belong to the certificate"),
        (
            CHAIN,
            pem(ec.generate_private_key(ec.SECP256R1()), b"secret"),
            "the private key is encrypted, and there is nobody to ask for its password",
        ),
    ],
    # Keys differ from process to process, and names of tests must not.
    ids=["empty", "text", "key", "damaged", "twice", "cut", "other", "other-kind", "encrypted"],
)
def test_what_is_wrong_is_said_and_no_key_is_quoted(certificate: str, key: str, fault: str) -> None:
    assert pair_fault(certificate, key) == fault


def test_an_authority_has_to_be_a_certificate_and_a_list_of_revoked_ones_a_list() -> None:
    assert authority_fault(KEY).startswith("the certificate cannot be read")
    assert revocation_fault(CHAIN) == "the list of revoked certificates cannot be read: it holds CERTIFICATE"
