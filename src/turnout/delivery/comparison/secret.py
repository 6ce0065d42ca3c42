"""Secrets never reach what is stored: a keyed digest takes their place, so that equal ones still show as equal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key")
FIELDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api key",
    "access key",
    "private key",
    "client key",
    "authorization",
    "credential",
    "session id",
    "card number",
    "cvv",
    "ssn",
)
"""What a header's or field's name contains if its value is a secret. A blank also stands for `-`, `_` and nothing."""

# Every repetition is bounded: what a service answers must not be able to make a search slow.
_TELLTALE = (
    r"\beyJ[\w-]{8,500}\.[\w-]{1,8000}\.[\w-]{0,500}"  # a JSON web token
    r"|\b(?:bearer|basic)\s{1,9}[\w.~+/=-]{8,8000}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)"  # user and password in a URL
)
_HINTS = ("eyj", "bearer", "basic", "-----begin", "://")
_QUOTED_OR_BARE = r""""(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&,;<>}"']+"""


@dataclass(frozen=True, slots=True)
class Hidden:
    """A JSON value that is not shown. Its type and whether it equals another still are."""

    type: str
    digest: str

    def __str__(self) -> str:
        return self.digest


@dataclass(frozen=True)  # not slotted: the patterns are made once and kept
class Redaction:
    """What to hide. `key`: of the digests; without it nobody can try out which secret one stands for."""

    key: bytes = field(repr=False)
    headers: tuple[str, ...] = HEADERS
    fields: tuple[str, ...] = FIELDS

    def digest(self, value: bytes | str) -> str:
        """12 hex digits: two values in a comparison are told apart all but surely."""
        value = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        return f"redacted:{blake2b(value, key=self.key[:64], digest_size=6).hexdigest()}"

    def is_secret(self, name: str) -> bool:
        """Whether a header or field of this name holds a secret."""
        return name in self.headers or bool(self._name.search(name))

    def in_text(self, text: str) -> str:
        """A text without the secrets that show by their names (`token=…`, `<password>…`) or looks (`Bearer …`)."""
        if not self._is_suspicious(text):
            return text
        # Looks first: after `Authorization:` only `Bearer` would be taken for the value.
        text = self._telltale.sub(lambda found: self.digest(found[0]), text)
        return self._named.sub(lambda found: found[1] + self.digest(found[2].strip("\"'")), text)

    def may_be_in(self, text: str) -> bool:
        r"""Whether JSON text is worth looking through value by value. `\u` may hide the letters of a name."""
        return "\\u" in text or self._is_suspicious(text)

    def in_json(self, value: Any, *, hide: bool = False) -> Any:
        """A JSON value with its secrets hidden. null, true, false and "" are none; what is *below* a secret is."""
        if isinstance(value, dict):
            hidden = ((key, self.in_json(item, hide=hide or self.is_secret(key))) for key, item in value.items())
            return {self.in_text(key): item for key, item in hidden}
        if isinstance(value, list):
            return [self.in_json(item, hide=hide) for item in value]
        if hide and value not in ("", None) and not isinstance(value, bool):
            kind = "string" if isinstance(value, str) else "number"
            return Hidden(kind, self.digest(str(value)))
        return self.in_text(value) if isinstance(value, str) else value

    def _is_suspicious(self, text: str) -> bool:
        """Plain words first: nearly all answers have none of them, and patterns are a hundred times slower."""
        lowered = text.lower()
        return any(hint in lowered for hint in self._hints) and bool(self._suspicious.search(text))

    @cached_property
    def _hints(self) -> frozenset[str]:
        """One of these is in whatever `_suspicious` finds."""
        return frozenset(max(name.lower().split(), key=len) for name in self.fields if name.strip()) | set(_HINTS)

    @cached_property
    def _words(self) -> str:
        names = (name.split() for name in self.fields if name.strip())
        return "|".join(r"[-_ ]?".join(map(re.escape, words)) for words in names) or r"(?!)"

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(self._words, re.IGNORECASE)

    @cached_property
    def _named(self) -> re.Pattern[str]:
        """A name that ends in a secret one, what stands between, and the value: in JSON, forms, HTML, XML, logs."""
        between = r"""["']?\s{0,9}[:=]\s{0,9}|["']\s{1,9}value\s{0,9}=\s{0,9}|(?:\s[^<>]{0,99})?>"""
        return re.compile(rf"((?:{self._words})[\w-]{{0,40}}(?:{between}))({_QUOTED_OR_BARE})", re.IGNORECASE)

    @cached_property
    def _telltale(self) -> re.Pattern[str]:
        return re.compile(_TELLTALE, re.IGNORECASE | re.DOTALL)

    @cached_property
    def _suspicious(self) -> re.Pattern[str]:
        return re.compile(rf"{self._words}|{_TELLTALE}", re.IGNORECASE | re.DOTALL)
