"""From when until when a PEM certificate is valid: as much X.509 as that takes (RFC 5280, section 4.1)."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s*([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def validity(pem: bytes) -> tuple[datetime, datetime] | None:
    """Of the first certificate in the text; None where there is none, or none that can be read."""
    found = _PEM.search(pem)
    if found is None:
        return None
    try:
        return _validity(base64.b64decode(found[1]))
    except (ValueError, binascii.Error, IndexError):
        return None


def _validity(der: bytes) -> tuple[datetime, datetime]:
    body = _expect(der, 0, _SEQUENCE)
    at, end = _expect(der, body[0], _SEQUENCE)
    if end > len(der) or body[1] > len(der):
        raise ValueError("it is cut off")
    if der[at] == _VERSION:
        at = _skip(der, at)
    for _ in ("serial number", "signature", "issuer"):
        at = _skip(der, at)
    at, _ = _expect(der, at, _SEQUENCE)
    return _time(der, at), _time(der, _skip(der, at))


def _expect(der: bytes, at: int, tag: int) -> tuple[int, int]:
    if der[at] != tag:
        raise ValueError("another element was expected")
    return _content(der, at)


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element begins and ends."""
    length, at = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at : at + size], "big"), at + size
    return at, at + length


def _skip(der: bytes, at: int) -> int:
    return _content(der, at)[1]


def _time(der: bytes, at: int) -> datetime:
    begin, end = _content(der, at)
    text = der[begin:end].decode("ascii")
    if der[at] == _UTC_TIME:  # two digits of the year: 50 is 1950
        text = ("19" if text[:2] >= "50" else "20") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
