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
_ADDS, _REMOVES = "+", "-!"


def accepted(given: Iterable[str]) -> list[str]:
    """Those that Envoy takes, in order; empty, for its own choice, where none would be left.

    Besides suites: `[A|B]`, which the client may choose from; `-A`, `!A` and `+A`, which take away and move to the end;
    `@STRENGTH`.
    """
    kept, left = [], set[str]()
    for entry in dict.fromkeys(given):
        operation = entry[:1] if entry[:1] in _ADDS + _REMOVES else ""
        suites = entry.removeprefix(operation).removeprefix("[").removesuffix("]").split("|")
        if entry != _BY_STRENGTH and not CIPHER_SUITES.issuperset(suites):
            continue
        kept.append(entry)
        meant = CIPHER_SUITES if _ALL in suites else set(suites) - {_BY_STRENGTH}
        left = left | meant if not operation else left - meant if operation in _REMOVES else left
    return kept if left else []
