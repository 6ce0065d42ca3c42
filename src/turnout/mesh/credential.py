"""Certificates and keys by name: from Secrets, as Istio reads them, and from files. What cannot be used says why."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from turnout.resources.certificate import (
    authority_fault,
    pair_fault,
    plain_certificates,
    plain_key,
    plain_revocations,
    revocation_fault,
)
from turnout.resources.core import Secret
from turnout.resources.spelling import shown

Named = tuple[str, str]
"""Namespace and name."""

CERTIFICATE_KEYS = (("cert", "key"), ("tls.crt", "tls.key"))
AUTHORITY_KEYS = ("cacert", "ca.crt")
REVOKED_KEYS = ("crl", "ca.crl")
_QUALIFIED = "kubernetes-gateway://"
"""What the name of a credential begins with that says its namespace; Istio's translation of the Gateway API does."""
_PLAIN = "kubernetes://"
SYSTEM_AUTHORITIES = "system"
"""In place of a path: the file in which this machine keeps whom it believes."""
_AUTHORITY = "-cacert"
"""How the name of a Secret ends that holds only the authority of another."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why there is no such credential. `field`: of the TLS settings, the one that names it.

    `unknown`: it may be there, but nobody has looked.
    """

    field: str
    message: str
    hint: str | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A chain of certificates and the key of its first, under the name by which Envoy asks for it.

    `instead_of`: what is named is no good, and this is the last that was.
    """

    name: str
    certificate: str
    private_key: str = field(repr=False)
    instead_of: Unusable | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom to believe, and whom not any more. `certificates`: empty where nobody's chain is looked at.

    `instead_of`: as of a KeyPair.
    """

    name: str
    certificates: str
    revoked: str = ""
    instead_of: Unusable | None = None


@dataclass(frozen=True, slots=True)
class Vault:
    """All that TLS settings can name. `files`: path to content, of those that could be read; None: nobody tried.

    `last`: what was in use before, by name. It stays in the place of what has become no good; a Secret that was taken
    away was meant to be.
    """

    secrets: Mapping[Named, Secret] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] | None = field(default=None, repr=False)
    last: Mapping[str, KeyPair | Authority] = field(default_factory=dict, repr=False)

    def pair(self, credential: str, namespaces: Sequence[str], path: str) -> KeyPair | Unusable:
        """A Secret's certificate and key; it is looked for in these namespaces, one after the other."""
        secret = self._secret(credential, namespaces)
        if secret is None:
            return _missing(credential, namespaces, path, f"tls {credential} --cert=… --key=…")
        data, title = _data(secret), _title(secret)
        name = f"pair|{title}"
        for certificate, key in CERTIFICATE_KEYS:
            if data.get(certificate) and data.get(key):
                pair = KeyPair(name, data[certificate], data[key])
                return self._pair_or_last(name, _sound_pair(pair, f"Secret {title}", path))
        wanted = " and ".join(CERTIFICATE_KEYS[-1])
        hint = f"kubectl create secret tls {secret.metadata.name} --cert=… --key=…"
        fault = Unusable(path, f"Secret {title} has no {wanted} (it has: {_list(data)})", hint)
        return self._pair_or_last(name, fault)

    def authority(self, credential: str, namespaces: Sequence[str], path: str) -> Authority | Unusable:
        """Of the Secret `<name>-cacert`, or else of the credential's own."""
        secret = self._secret(credential + _AUTHORITY, namespaces) or self._secret(credential, namespaces)
        if secret is None:
            name = credential.removesuffix(_AUTHORITY) + _AUTHORITY
            return _missing(name, namespaces, path, f"generic {name} --from-file=ca.crt")
        data, title = _data(secret), _title(secret)
        own = f"authority|{title}"
        certificates = next((data[key] for key in AUTHORITY_KEYS if data.get(key)), "")
        if not certificates:
            hint = f"put it there, or into a Secret {secret.metadata.name}{_AUTHORITY}"
            fault = Unusable(path, f"Secret {title} has no {AUTHORITY_KEYS[-1]} (it has: {_list(data)})", hint)
            return self._authority_or_last(own, fault)
        revoked = next((data[key] for key in REVOKED_KEYS if data.get(key)), "")
        sound = _sound_authority(Authority(own, certificates, revoked), f"Secret {title}", path)
        return self._authority_or_last(own, sound)

    def has_authority(self, credential: str, namespaces: Sequence[str]) -> bool:
        """Whether a credential says whom to believe."""
        secret = self._secret(credential + _AUTHORITY, namespaces) or self._secret(credential, namespaces)
        return secret is not None and any(_data(secret).get(key) for key in AUTHORITY_KEYS)

    def file_pair(self, certificate: str, key: str, fields: tuple[str, str]) -> KeyPair | Unusable:
        """`fields`: which ones name the two files."""
        name = f"pair|{certificate}|{key}"
        chain, private_key = self._text(certificate, fields[0]), self._text(key, fields[1])
        if isinstance(chain, Unusable):
            return self._pair_or_last(name, chain)
        if isinstance(private_key, Unusable):
            return self._pair_or_last(name, private_key)
        return self._pair_or_last(name, _sound_pair(KeyPair(name, chain, private_key), certificate, fields[0]))

    def file_authority(self, path: str, revoked: str, given: str) -> Authority | Unusable:
        name = f"authority|{path}|{revoked}"
        text = self._text(path, given)
        listed = self._text(revoked, "caCrl") if revoked else ""
        if isinstance(text, Unusable):
            return self._authority_or_last(name, text)
        if isinstance(listed, Unusable):
            return self._authority_or_last(name, listed)
        return self._authority_or_last(name, _sound_authority(Authority(name, text, listed), path, given))

    def _pair_or_last(self, name: str, found: KeyPair | Unusable) -> KeyPair | Unusable:
        last = self.last.get(name)
        if isinstance(found, Unusable) and isinstance(last, KeyPair):
            return replace(last, instead_of=found)
        return found

    def _authority_or_last(self, name: str, found: Authority | Unusable) -> Authority | Unusable:
        last = self.last.get(name)
        if isinstance(found, Unusable) and isinstance(last, Authority):
            return replace(last, instead_of=found)
        return found

    def _text(self, path: str, given: str) -> str | Unusable:
        if self.files is not None and path in self.files:
            return self.files[path]
        unknown = self.files is None
        if path == SYSTEM_AUTHORITIES:
            message = "whom this machine believes is written nowhere that is known"
            return Unusable(given, message, "name a file with `caCertificates`", unknown)
        hint = "a Secret needs no file: see `credentialName`"
        return Unusable(given, f"the file {shown(path)} cannot be read", hint, unknown)

    def _secret(self, credential: str, namespaces: Sequence[str]) -> Secret | None:
        name = credential.removeprefix(_PLAIN)
        if name.startswith(_QUALIFIED):
            namespace, _, name = name.removeprefix(_QUALIFIED).partition("/")
            namespaces = (namespace,)
        return next((self.secrets[n, name] for n in namespaces if (n, name) in self.secrets), None)


def faults(found: Unusable | Sequence[KeyPair | Authority], lost: str) -> Iterator[tuple[str, Unusable]]:
    """What is wrong with credentials, each after what comes of it. `lost`: what comes of having none."""
    if isinstance(found, Unusable):
        if not found.unknown:
            yield lost, found
        return
    yield from (("the last good one stays", each.instead_of) for each in found if each.instead_of)


def _data(secret: Secret) -> dict[str, str]:
    """Decoded; what is no text is left out."""
    found = {}
    for key, value in secret.data.items():
        try:
            found[key] = base64.b64decode("".join(value.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            continue
    return found | dict(secret.string_data)


def _sound_pair(pair: KeyPair, title: str, path: str) -> KeyPair | Unusable:
    fault = pair_fault(pair.certificate, pair.private_key)
    if fault:
        return Unusable(path, f"{title}: {fault}")
    return KeyPair(pair.name, plain_certificates(pair.certificate), plain_key(pair.private_key))


def _sound_authority(authority: Authority, title: str, path: str) -> Authority | Unusable:
    fault = authority_fault(authority.certificates)
    fault = fault or (revocation_fault(authority.revoked) if authority.revoked else "")
    if fault:
        return Unusable(path, f"{title}: {fault}")
    revoked = plain_revocations(authority.revoked) if authority.revoked else ""
    return Authority(authority.name, plain_certificates(authority.certificates), revoked)


def _missing(credential: str, namespaces: Sequence[str], path: str, made: str) -> Unusable:
    """`made`: how kubectl makes such a Secret."""
    places = " or ".join(dict.fromkeys(namespaces))
    hint = f"kubectl create secret {made} -n {namespaces[0]}"
    return Unusable(path, f"there is no Secret {shown(credential)} in namespace {places}", hint)


def _title(secret: Secret) -> str:
    return f"{secret.metadata.namespace}/{secret.metadata.name}"


def _list(data: Mapping[str, str]) -> str:
    return ", ".join(sorted(data)) or "nothing"
