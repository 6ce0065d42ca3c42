"""The cipher suites that a server may offer up to TLS 1.2, as BoringSSL writes them."""

from __future__ import annotations

from collections.abc import Iterable

CIPHER_SUITES = frozenset(
    f"{prefix}{suite}"
    for prefix, suites in (
        ("ECDHE-ECDSA-", ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "CHACHA20-POLY1305")),
        ("ECDHE-RSA-", ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "CHACHA20-POLY1305")),
        ("ECDHE-PSK-", ("AES128-CBC-SHA", "AES256-CBC-SHA", "CHACHA20-POLY1305")),
        ("PSK-", ("AES128-CBC-SHA", "AES256-CBC-SHA")),
        ("", ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA", "ALL")),
    )
    for suite in suites
)
_ALL = "ALL"
_BY_STRENGTH = "@STRENGTH"
_OPERATORS = ("+", "-", "!")


def accepted(given: Iterable[str]) -> list[str]:
    """Those that Envoy takes, in order; empty, for its own choice, where none would be left.

    Besides suites: `[A|B]`, which the client may choose from; `-A` takes away, `!A` for good, `+A` moves to the end;
    `@STRENGTH` sorts. The latter do not go together with the former (BoringSSL's `ssl_create_cipher_list`).
    """
    known = [
        entry for entry in dict.fromkeys(given) if entry == _BY_STRENGTH or CIPHER_SUITES.issuperset(_suites(entry))
    ]
    if any(entry.startswith("[") for entry in known):
        known = [entry for entry in known if not entry.startswith((*_OPERATORS, _BY_STRENGTH))]
    return known if _left(known) else []


def _suites(entry: str) -> list[str]:
    """Those that an entry is about."""
    bare = entry[1:] if entry.startswith(_OPERATORS) else entry
    return (bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare).split("|")


def _left(entries: Iterable[str]) -> set[str]:
    """What is on offer in the end."""
    left: set[str] = set()
    gone: set[str] = set()
    for entry in entries:
        suites = _suites(entry)
        meant = set(CIPHER_SUITES if _ALL in suites else suites) - {_BY_STRENGTH, _ALL}
        if entry.startswith("!"):
            gone |= meant
        if entry.startswith(("-", "!")):
            left -= meant
        elif not entry.startswith("+"):
            left |= meant - gone
    return left
