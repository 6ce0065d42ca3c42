"""When a rule applies, without what is decided before traffic flows: that two conditions are the same, or apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.analysis.cover import covers
from turnout.compiler import match_words
from turnout.resources.virtual_service import HTTPMatchRequest, StringMatch


@dataclass(frozen=True, slots=True)
class Condition:
    """`match` has no name, gateways, port or callers: those that a rule is for have been chosen.

    `key` stands for it where conditions are held against each other: mappings have no hash.
    """

    match: HTTPMatchRequest = field(compare=False)
    key: str
    segmented: bool = False
    """As in Gateway API: a prefix takes whole segments of the path, `/pre` not `/prefix`."""

    @classmethod
    def of_all(cls) -> Condition:
        """Fits every request."""
        return condition(None)

    @property
    def words(self) -> str:
        said, uri = match_words.words(self.match), self.match.uri
        if not self.segmented or uri is None or uri.prefix in (None, "", "/"):
            return said
        prefix = match_words.quoted(uri.prefix)
        return said.replace(f"the path begins with {prefix}", f"the path is {prefix} or below it", 1)

    @property
    def of_everything(self) -> bool:
        return self.covers(Condition.of_all())

    def covers(self, other: Condition) -> bool:
        """Whether every request that fits the other one fits this one; False also where that cannot be told."""
        if self == other:
            return True
        prefix = self.match.uri.prefix if self.match.uri else None
        if not self.segmented or prefix in (None, "", "/"):
            return covers(self.match, other.match)
        within = (StringMatch(exact=prefix), StringMatch(prefix=f"{prefix}/"))
        same = other.segmented and other.match.uri == self.match.uri
        wide = (replace(self.match, uri=uri) for uri in ((self.match.uri,) if same else within))
        return any(covers(match, other.match) for match in wide)

    def apart_from(self, other: Condition) -> bool:
        """Whether no request can fit both; False also where that cannot be told."""
        one, two = self.match, other.match
        plain = ((one.method, two.method), (one.authority, two.authority), (one.scheme, two.scheme))
        either_case = one.ignore_uri_case or two.ignore_uri_case
        return (
            any(_apart(a, b) for a, b in plain)
            or _apart(self._uri(other), other._uri(self), ignore_case=either_case)
            or any(_apart(one.headers[name], two.headers[name]) for name in one.headers.keys() & two.headers.keys())
            or any(_apart(one.query_params[n], two.query_params[n]) for n in one.query_params.keys() & two.query_params)
            or _excludes(one.without_headers, two.headers)
            or _excludes(two.without_headers, one.headers)
        )

    @property
    def _has_prefix(self) -> bool:
        return self.match.uri is not None and bool(self.match.uri.prefix)

    def _uri(self, beside: Condition) -> StringMatch | None:
        """Of two prefixes that take whole segments, the slash that follows is a part."""
        uri = self.match.uri
        if not (self.segmented and beside.segmented) or uri is None or not uri.prefix:
            return uri
        return StringMatch(prefix=uri.prefix.rstrip("/") + "/") if beside._has_prefix else uri


def condition(match: HTTPMatchRequest | None, *, segmented: bool = False) -> Condition:
    """Of a rule that has been found to be for a caller."""
    asked = replace(
        match or HTTPMatchRequest(),
        name="",
        stat_prefix="",
        port=0,
        gateways=(),
        source_labels={},
        source_namespace="",
    )
    return Condition(asked, _key(asked), segmented)


def _key(asked: HTTPMatchRequest) -> str:
    """The same for the same headers in another order."""
    plain = replace(asked, headers={}, query_params={}, without_headers={})
    return repr(
        (plain, *(sorted(m.items(), key=str) for m in (asked.headers, asked.query_params, asked.without_headers)))
    )


def _apart(one: StringMatch | None, two: StringMatch | None, *, ignore_case: bool = False) -> bool:
    if one is None or two is None:
        return False
    fold = str.lower if ignore_case else str
    if one.exact is not None and two.exact is not None:
        return fold(one.exact) != fold(two.exact)
    if one.exact is not None and two.prefix is not None:
        return not fold(one.exact).startswith(fold(two.prefix))
    if one.prefix is not None and two.exact is not None:
        return not fold(two.exact).startswith(fold(one.prefix))
    if one.prefix is not None and two.prefix is not None:
        shorter, longer = sorted((fold(one.prefix), fold(two.prefix)), key=len)
        return not longer.startswith(shorter)
    return False


def _excludes(without: Mapping[str, StringMatch], given: Mapping[str, StringMatch]) -> bool:
    """Whether one asks for just what the other forbids."""
    return any(
        name in given and (given[name] == forbidden or forbidden in (StringMatch(), StringMatch(regex="*")))
        for name, forbidden in without.items()
    )
