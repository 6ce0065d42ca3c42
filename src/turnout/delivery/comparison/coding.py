"""Content codings taken off, within a bound: what is small on the wire may be huge when inflated."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

_EITHER, _BARE = 47, -15
"""zlib's window bits: gzip or zlib by their headers; deflate without any, as some servers send it."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Why there is no content: it ends early, exceeds the bound, or is coded in a way that cannot be read here."""

    reason: Literal["cut", "truncated", "coded"]


def decoded(body: bytes, codings: str | None, most_bytes: int) -> bytes | Undecoded:
    """The content of a body. `codings`: the header `content-encoding`; the last one comes off first."""
    for coding in reversed((codings or "").lower().split(",")):
        match coding.strip():
            case "" | "identity":
                continue
            case "gzip" | "x-gzip" | "deflate":
                unpacked = _inflated(body, most_bytes)
            case _:
                return Undecoded("coded")
        if isinstance(unpacked, Undecoded):
            return unpacked
        body = unpacked
    return body if len(body) <= most_bytes else Undecoded("truncated")


def _inflated(body: bytes, most_bytes: int) -> bytes | Undecoded:
    """All members of a gzip body, one after the other."""
    content = b""
    while body:
        unpacker = _unpacker(body)
        try:
            content += unpacker.decompress(body, most_bytes + 1 - len(content))
        except zlib.error:
            return Undecoded("coded")
        if len(content) > most_bytes:
            return Undecoded("truncated")
        if not unpacker.eof:
            return Undecoded("cut")
        body = unpacker.unused_data
    return content


def _unpacker(body: bytes) -> zlib._Decompress:
    is_gzip = body[:2] == b"\x1f\x8b"
    is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0  # RFC 1950, 2.2
    return zlib.decompressobj(_EITHER if is_gzip or is_zlib else _BARE)
