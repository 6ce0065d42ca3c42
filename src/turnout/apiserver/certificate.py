"""What the API shows in TLS: a certificate that nobody vouches for but the kubeconfig, where it stands."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

LIFE: Final = timedelta(days=3650)
"""As long as Kubernetes' own authorities."""
RENEWED_BEFORE: Final = timedelta(days=30)
_NAME = "turnout"
_OTHER_USES = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Certificate and key, for loopback alone. `file`: both, in PEM, of mode 0600. `text`: the certificate."""

    file: Path
    text: str


def certificate(file: Path, now: datetime) -> Certificate:
    """The one that is kept in `file`: clients that know it go on after a restart. Else a new one. Raises OSError.

    `now` is aware of its zone.
    """
    kept = _kept(file, now)
    return kept if kept is not None else _made(file, now)


def _kept(file: Path, now: datetime) -> Certificate | None:
    """None: there is none, others could have read its key, or it is about to end."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    with suppress(FileNotFoundError, ValueError):
        if file.stat().st_mode & 0o077 == 0:
            found = x509.load_pem_x509_certificate(file.read_bytes())
            if found.not_valid_after_utc - RENEWED_BEFORE > now:
                return Certificate(file, found.public_bytes(Encoding.PEM).decode())
    return None


def _made(file: Path, now: datetime) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ip_address(each)) for each in ("127.0.0.1", "::1")]
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a clock that is set back is no reason to refuse it
        .not_valid_after(now + LIFE)
    )
    for extension, is_critical in (
        (x509.SubjectAlternativeName(names), False),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.KeyUsage(**dict.fromkeys(_OTHER_USES, False), digital_signature=True, key_cert_sign=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, critical=is_critical)
    text = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    _write(file, text + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Certificate(file, text.decode())


def _write(file: Path, content: bytes) -> None:
    """All at once, and never readable by others."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    new.replace(file)
