"""Certificates and private keys as texts (PEM): whether they can be read, and belong together.

What passes here is what Envoy takes: it refuses a bad pair as a whole, and says so only once it has it.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.x509 import Certificate

MOST_KEPT = 256
"""Verdicts: a pair is looked at again only when it has changed."""
_SMALLEST_RSA_BITS = 2048
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")


@lru_cache(MOST_KEPT)
def pair_fault(certificate: str, private_key: str) -> str:
    """What is wrong with a chain of certificates and the key of its first; empty if nothing is. Never quotes them.

    Keys of RSA (2048 bits or more) and of the curves P-256, P-384 and P-521, as Envoy has it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    chain, fault = _certificates(certificate)
    fault = fault or next((found for found in map(_key_fault, chain) if found), "")
    if fault:
        return fault
    if "ENCRYPTED" in private_key:
        return "the private key is encrypted, and there is nobody to ask for its password"
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
        belongs = key.public_key() == chain[0].public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return f"the private key cannot be read{_instead(private_key, 'PRIVATE KEY')}"
    return "" if belongs else "the private key does not belong to the certificate"


@lru_cache(MOST_KEPT)
def plain_certificates(text: str) -> str:
    """Sound certificates as nobody can misread them: Envoy takes no blanks before a line, for one."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(found.public_bytes(Encoding.PEM).decode() for found in _certificates(text)[0])


@lru_cache(MOST_KEPT)
def plain_key(text: str) -> str:
    """A sound key, likewise."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(text.encode(), password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def validity_fault(certificates: str, now: datetime | None) -> str:
    """Why the certificates are not valid at that time (None: at any); empty if they are. Keys are not looked at."""
    found, fault = _certificates(certificates)
    for certificate in found:
        if now is None:
            break
        if now > certificate.not_valid_after_utc:
            return f"a certificate was valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
        if now < certificate.not_valid_before_utc:
            return f"a certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on"
    return "" if found else fault


@lru_cache(MOST_KEPT)
def authority_fault(certificates: str) -> str:
    """What is wrong with certificates of authorities; empty if nothing is."""
    return _certificates(certificates)[1]


@lru_cache(MOST_KEPT)
def revocation_fault(text: str) -> str:
    """What is wrong with a list of revoked certificates; empty if nothing is."""
    try:
        plain_revocations(text)
    except ValueError:
        return f"the list of revoked certificates cannot be read{_instead(text, 'X509 CRL')}"
    return ""


@lru_cache(MOST_KEPT)
def plain_revocations(text: str) -> str:
    """A list as nobody can misread it. Raises ValueError where it is none."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_crl

    return load_pem_x509_crl(text.encode()).public_bytes(Encoding.PEM).decode()


def _certificates(text: str) -> tuple[list[Certificate], str]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        with warnings.catch_warnings():  # such as of a serial number that is 0: Envoy does not mind
            warnings.simplefilter("ignore")
            return load_pem_x509_certificates(text.encode()), ""
    except ValueError:
        return [], f"the certificate cannot be read{_instead(text, 'CERTIFICATE')}"


def _key_fault(certificate: Certificate) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return "the certificate's key cannot be read"
    if isinstance(key, RSAPublicKey):
        return "" if key.key_size >= _SMALLEST_RSA_BITS else f"an RSA key of {key.key_size} bits is too short"
    known = isinstance(key, EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1")
    return "" if known else "the certificate's key is neither RSA nor of P-256, P-384 or P-521"


def _instead(text: str, wanted: str) -> str:
    """What a text holds in place of what it should, as far as its own headings say."""
    found = dict.fromkeys(_BEGIN.findall(text))
    if not text.strip():
        return ": it is empty"
    if not found:
        return f": there is no `-----BEGIN {wanted}-----` in it"
    return "" if any(wanted in heading for heading in found) else f": it holds {', '.join(found)}"
