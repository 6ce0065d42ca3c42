"""How one copy's answer differs from stable's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from turnout.delivery.comparison import answer, excerpt
from turnout.delivery.comparison.answer import Binary, Content, Json, Lacking, Text
from turnout.delivery.comparison.exchange import Exchange, Pair
from turnout.delivery.comparison.json_difference import ABSENT, json_differences
from turnout.delivery.comparison.kind import Kind, Part
from turnout.delivery.comparison.secret import Redaction

HEADERS = (
    "access-control-*",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "link",
    "location",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
)
"""Headers that clients act on, as patterns; content-type always is one of them."""
_LONGEST_SAMPLE = 40
_HUGE = 1e300

Sample = float | str
"""What a distribution is made of: a number, or a short text."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is looked at, and what nobody may see."""

    redaction: Redaction
    headers: tuple[str, ...] = HEADERS
    most_bytes: int = answer.MOST_BYTES


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` is that of all answers (`$.items[*].price`), `at` that of this one (`$.items[3].price`).

    `stable` and `copy`: what is there, without its secrets: a JSON value, a text, or `answer.Content`; ABSENT if
    nothing is. `sample`: the copy's value, for its distribution.
    """

    path: str
    kind: Kind
    at: str
    stable: Any
    copy: Any
    sample: Sample | None = None

    def excerpts(self) -> tuple[str | None, str | None]:
        """Both sides in a line each, None where nothing is."""
        match self.stable, self.copy:
            case (str(one), str(other)) | (Text(one), Text(other)):
                return excerpt.shown_beside(one, other)
        return _described(self.stable), _described(self.copy)


def _described(value: Any) -> str | None:
    match value:
        case Json(inner):
            return excerpt.shown(inner)
        case Text(text):
            return excerpt.shown_beside(text, "")[0]
        case Binary(size, digest):
            return f"{size:,} bytes, {digest}"
        case list():
            return f"{len(value):,} items: {excerpt.shown(value)}"
    return None if value is ABSENT else excerpt.shown(value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What of a pair was compared, and what differs. `lack`: why the rest could not be; no data is never "equal"."""

    parts: frozenset[Part]
    differences: tuple[Difference, ...] = ()
    lack: str | None = None


def compare(pair: Pair, rules: Rules) -> Outcome:
    """What differs, the first place for each path and kind; nothing in it that the rules call secret."""
    stable, copy = pair.stable, pair.copy
    if not stable.answered:
        return Outcome(frozenset(), lack="stable unanswered")
    if not copy.answered:
        silence = _plain("response", Kind.UNANSWERED, str(stable.status), copy.local_reply or "nothing")
        return Outcome(frozenset({Part.RESPONSE}), (silence,), "copy unanswered")
    found = tuple(_status(stable.status, copy.status))
    answered = frozenset({Part.RESPONSE, Part.STATUS})
    if stable.status // 100 != copy.status // 100:
        return Outcome(answered, found, "statuses of two classes")
    body = _body(stable, copy, rules)
    headers = tuple(_headers(stable, copy, rules))
    return Outcome(answered | {Part.HEADERS} | body.parts, (*found, *headers, *body.differences), body.lack)


def _plain(path: str, kind: Kind, stable: Any, copy: Any, sample: Sample | None = None) -> Difference:
    return Difference(path, kind, path, stable, copy, sample)


def _status(stable: int, copy: int) -> Iterator[Difference]:
    if stable != copy:
        failed = copy >= 400 and copy // 100 > stable // 100
        yield _plain("status", Kind.FAILED if failed else Kind.VALUE, str(stable), str(copy), str(copy))


def _headers(stable: Exchange, copy: Exchange, rules: Rules) -> Iterator[Difference]:
    yield from _content_type(stable, copy)
    before, after = _selected(stable, rules), _selected(copy, rules)
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name, ABSENT), after.get(name, ABSENT)
        kind = Kind.EXTRA if one is ABSENT else Kind.MISSING if other is ABSENT else Kind.VALUE
        if one != other:
            yield _plain(f"headers.{name}", kind, one, other, _sample(other) if kind is Kind.VALUE else None)


def _content_type(stable: Exchange, copy: Exchange) -> Iterator[Difference]:
    """Another media type breaks clients; another parameter rarely does."""
    one, other = stable.header("content-type"), copy.header("content-type")
    path, media = "headers.content-type", answer.media_type(copy)
    if one is None or other is None:
        if one != other:
            yield _plain(path, Kind.EXTRA if one is None else Kind.MISSING, one or ABSENT, other or ABSENT)
    elif one != other:
        kind = Kind.VALUE if answer.media_type(stable) == media else Kind.TYPE
        yield _plain(path, kind, one, other, _sample(media))


def _selected(exchange: Exchange, rules: Rules) -> dict[str, str]:
    """Names to values without secrets; of cookies one each for the value and for the attributes."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for name, _ in exchange.headers):
        if name == "content-type" or not _is_selected(name, rules.headers):
            continue
        if name == "set-cookie":
            found |= _cookies((value for key, value in exchange.headers if key == name), rules.redaction)
        else:
            value = exchange.header(name) or ""
            secret = rules.redaction.is_secret(name)
            found[name] = rules.redaction.digest(value) if secret else rules.redaction.in_text(value)
    return found


@lru_cache(maxsize=4096)
def _is_selected(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _cookies(values: Iterable[str], redaction: Redaction) -> dict[str, str]:
    """`Expires` is a moment, and differs with it: only that it is there counts."""
    found = {}
    for value in values:
        cookie, _, rest = value.partition(";")
        name, _, content = cookie.strip().partition("=")
        words = sorted(word.strip() for word in rest.split(";") if word.strip())
        attributes = ["Expires" if word.lower().startswith("expires=") else word for word in words]
        found[f"set-cookie.{name[:64]}"] = redaction.digest(content)
        found[f"set-cookie.{name[:64]}.attributes"] = "; ".join(attributes)
    return found


def _body(stable: Exchange, copy: Exchange, rules: Rules) -> Outcome:
    """Equal bytes are not looked into; whatever they are, they are equal, if they are all."""
    if _same_bytes(stable, copy) and answer.lacking(copy) is None and answer.is_whole(stable, rules.most_bytes):
        return Outcome(frozenset({Part.CONTENT, Part.BODY}))
    before = answer.content(stable, rules.redaction, rules.most_bytes)
    if isinstance(before, Lacking):
        return Outcome(frozenset(), lack=f"stable {before.reason}")
    after = answer.content(copy, rules.redaction, rules.most_bytes)
    if isinstance(after, Lacking):
        return _lacking(before, after)
    return Outcome(frozenset({Part.CONTENT, Part.BODY}), tuple(_contents(before, after)))


def _same_bytes(stable: Exchange, copy: Exchange) -> bool:
    read_by = ("content-type", "content-encoding")
    return stable.body == copy.body and all(stable.header(name) == copy.header(name) for name in read_by)


def _lacking(stable: Content, copy: Lacking) -> Outcome:
    """A body in a coding that is not known may well be equal: nothing can be said. Its other lacks are its own."""
    lack = f"copy {copy.reason}"
    if copy.reason == "coded":
        return Outcome(frozenset(), lack=lack)
    difference = _plain("body", Kind.CUT if copy.reason == "cut" else Kind.TRUNCATED, stable or ABSENT, ABSENT)
    return Outcome(frozenset({Part.CONTENT}), (difference,), lack)


def _contents(stable: Content, copy: Content) -> Iterator[Difference]:
    match stable, copy:
        case Json(one), Json(other):
            for (path, kind), place in json_differences(one, other).items():
                yield Difference(path, kind, place.at, place.stable, place.copy, _json_sample(kind, place.copy))
        case Text(one), Text(other):
            if one != other:
                yield _plain("body", Kind.VALUE, stable, copy, float(len(other)))
        case Binary(), Binary():
            if stable != copy:
                yield _plain("body", Kind.VALUE, stable, copy, float(copy.size))
        case _ if stable is not copy:
            yield _plain("body", _kind_of_body(stable, copy), stable or ABSENT, copy or ABSENT)


def _kind_of_body(stable: Content, copy: Content) -> Kind:
    if stable is None or copy is None:
        return Kind.EXTRA if stable is None else Kind.MISSING
    return Kind.MALFORMED if isinstance(copy, Text) and copy.malformed else Kind.TYPE


def _json_sample(kind: Kind, value: Any) -> Sample | None:
    if kind is Kind.LENGTH:
        return float(len(value))
    return _sample(value) if kind is Kind.VALUE else None


def _sample(value: object) -> Sample:
    """A number as it is, if it is one that can be written; anything else as a short text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _HUGE:
        return float(value)
    return str(value)[:_LONGEST_SAMPLE]
