"""What a YAML scalar means to Kubernetes (sigs.k8s.io/yaml): YAML 1.1 booleans, no timestamps, no base 60."""

from __future__ import annotations

import base64
import binascii
import math
import re

from turnout.resources.spelling import shown

Value = str | int | float | bool | None

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_NUMBER_START = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,19})")
_OCTAL = re.compile(r"([-+]?)0[oO]?([0-7]{1,22})")
_HEXADECIMAL = re.compile(r"([-+]?)0[xX]([0-9a-fA-F]{1,16})")
_BINARY = re.compile(r"([-+]?)0[bB]([01]{1,64})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES = ((_HEXADECIMAL, 16), (_BINARY, 2), (_OCTAL, 8))
_INT_RANGE = range(-(2**63), 2**64)  # what Go's int64 and uint64 hold; larger numbers become floats


def resolve(text: str, tag: str | None, *, is_plain: bool) -> Value:
    """The value of a scalar as it is written: plain or quoted, with or without a tag. ValueError: the tag lies."""
    if tag is not None:
        return tagged(text, tag)
    return plain(text) if is_plain else text


def as_key(value: Value) -> str | None:
    """The JSON key that a scalar becomes, as in Kubernetes: `80` is "80", `on` is "true". None: null cannot be one."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def plain(text: str) -> Value:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBER_START else text


def tagged(text: str, tag: str) -> Value:
    """The value of a scalar with an explicit tag. ValueError when the text is no such value."""
    short = tag.removeprefix("tag:yaml.org,2002:")
    if short == "binary":
        return _binary(text)
    expected = _TYPES.get(short)
    if expected is None:
        return text
    value = plain(text)
    if not isinstance(value, expected) or (isinstance(value, bool) and short != "bool"):
        raise ValueError(f"{shown(text)} is no {short}")
    return value


def _number(text: str) -> Value:
    digits = text.replace("_", "")
    if _DECIMAL.fullmatch(digits) and int(digits) in _INT_RANGE:
        return int(digits)
    for pattern, base in _BASES:
        if (match := pattern.fullmatch(digits)) and (value := int(match[1] + match[2], base)) in _INT_RANGE:
            return value
    return float(digits) if _FLOAT.fullmatch(digits) else text


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise ValueError("this is no base64 text") from fault
