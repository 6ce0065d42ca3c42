"""An answer as it can be compared and kept: decoded, and without secrets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from turnout.delivery.comparison.coding import Undecoded, decoded
from turnout.delivery.comparison.exchange import Exchange
from turnout.delivery.comparison.secret import Redaction

MOST_BYTES = 1 << 20
"""Of a decoded body. More of it is as if it had been captured cut."""
_DEEPEST = 100
_JSON = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json")
_TEXTUAL = re.compile(
    r"text/|application/(?:xml|javascript|graphql|yaml|x-yaml|x-www-form-urlencoded|.*\+(?:xml|yaml))"
)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]{1,40})', re.IGNORECASE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True)
class Json:
    """Decoded JSON: dict, list, str, int, float, bool, None, and secret.Hidden in place of a secret."""

    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    """`malformed`: it claims to be JSON, and is none."""

    text: str
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """`digest` is keyed: a short body could be guessed from a plain hash. `size` in bytes."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """There is no saying what the body is: it broke off, was kept in part only, or is coded in an unknown way."""

    reason: Literal["cut", "truncated", "coded"]


Content = Json | Text | Binary | None
"""None: an empty body."""


def media_type(exchange: Exchange) -> str:
    """`application/json`, without parameters; "" if none is given."""
    return (exchange.header("content-type") or "").partition(";")[0].strip().lower()


def lacking(exchange: Exchange) -> Lacking | None:
    """What can be told without decoding."""
    if exchange.truncated:
        return Lacking("truncated")
    return Lacking("cut") if exchange.cut else None


def is_whole(exchange: Exchange, most_bytes: int = MOST_BYTES) -> bool:
    """Whether nothing of a body is missing, so far as can be told: one in an unknown coding may end anywhere."""
    codings = exchange.header("content-encoding")
    if lacking(exchange) is not None or not codings:
        return lacking(exchange) is None
    body = decoded(exchange.body, codings, most_bytes)
    return not isinstance(body, Undecoded) or body.reason != "cut"


def content(exchange: Exchange, redaction: Redaction, most_bytes: int = MOST_BYTES) -> Content | Lacking:
    """What the body says, with its secrets hidden."""
    lack = lacking(exchange)
    if lack is not None:
        return lack
    body = decoded(exchange.body, exchange.header("content-encoding"), most_bytes)
    if isinstance(body, Undecoded):
        return Lacking(body.reason)
    return _read(body, exchange, redaction) if body else None


def _read(body: bytes, exchange: Exchange, redaction: Redaction) -> Content:
    media, claimed = media_type(exchange), exchange.header("content-type") or ""
    text = _text(body, claimed, is_textual=bool(_JSON.fullmatch(media) or _TEXTUAL.match(media)))
    if text is None:
        return Binary(len(body), redaction.digest(body))
    claims_json = bool(_JSON.fullmatch(media))
    if claims_json or (not media and text.lstrip()[:1] in ("{", "[")):
        try:
            return Json(_json(text, redaction))
        except (ValueError, RecursionError):
            return Text(redaction.in_text(text), malformed=claims_json)
    return Text(redaction.in_text(text))


def _text(body: bytes, content_type: str, *, is_textual: bool) -> str | None:
    """None: it is no text. A charset that is not known, or not kept to, is taken for Latin-1 if the type says text."""
    named = _CHARSET.search(content_type)
    try:
        text = body.decode(named[1] if named else "utf-8").removeprefix("\ufeff")
    except (LookupError, ValueError):
        return body.decode("latin-1") if is_textual else None
    return None if not is_textual and _UNPRINTABLE.search(text) else text


def _json(text: str, redaction: Redaction) -> Any:
    """Raises ValueError if it is none, or nested deeper than it could be looked through."""
    value = json.loads(text, parse_constant=_refuse)
    if text.count("[") + text.count("{") > _DEEPEST and _is_deeper(value, _DEEPEST):
        raise ValueError("nested too deep")
    return redaction.in_json(value) if redaction.may_be_in(text) else value


def _refuse(constant: str) -> NoReturn:
    """Python reads NaN and Infinity; RFC 8259 knows neither."""
    raise ValueError(constant)


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        inner = (item for one in layer for item in (one.values() if isinstance(one, dict) else one))
        layer = [item for item in inner if isinstance(item, (dict, list))]
    return bool(layer)
