"""Whether one match takes every request that another one takes. Where that cannot be told (regex), it does not."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.resources.virtual_service import HTTPMatchRequest, StringMatch


def covers(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> bool:
    """Every condition of `wide` has to follow from one of `narrow`."""
    return _static(wide, narrow) and _uri(wide, narrow) and _rest(wide, narrow)


def is_plain(match: HTTPMatchRequest) -> bool:
    """Asks nothing but a path that begins so, or nothing at all."""
    return covers(match, HTTPMatchRequest(uri=match.uri))


def _static(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> bool:
    """What is decided before traffic flows. Gateways take the place of labels and namespace."""
    if wide.port not in (0, narrow.port):
        return False
    if wide.gateways or narrow.gateways:
        return wide.gateways == narrow.gateways or wide == HTTPMatchRequest(name=wide.name, uri=wide.uri)
    return (
        wide.source_namespace in ("", narrow.source_namespace)
        and wide.source_labels.items() <= narrow.source_labels.items()
    )


def _uri(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> bool:
    if wide.uri is None or takes_all_paths(wide.uri):
        return True
    if narrow.uri is None or (narrow.ignore_uri_case and not wide.ignore_uri_case):
        return False
    return _implied(wide.uri, narrow.uri, ignore_case=wide.ignore_uri_case)


def takes_all_paths(uri: StringMatch) -> bool:
    """Every path begins with a slash."""
    return uri.prefix == "/" or uri.regex == ".*" or (uri.exact is None and uri.regex is None and not uri.prefix)


def _rest(wide: HTTPMatchRequest, narrow: HTTPMatchRequest) -> bool:
    plain = ((wide.scheme, narrow.scheme), (wide.method, narrow.method), (wide.authority, narrow.authority))
    return (
        all(a is None or (b is not None and _implied(a, b)) for a, b in plain)
        and _all_implied(wide.headers, narrow.headers)
        and _all_implied(wide.query_params, narrow.query_params)
        and all(narrow.without_headers.get(key) == value for key, value in wide.without_headers.items())
    )


def _all_implied(wide: Mapping[str, StringMatch], narrow: Mapping[str, StringMatch]) -> bool:
    return all(key in narrow and _implied(value, narrow[key]) for key, value in wide.items())


def _implied(wide: StringMatch, narrow: StringMatch, *, ignore_case: bool = False) -> bool:
    """Whether whatever fits `narrow` fits `wide`; `{}` is fit by whatever is there."""
    if wide == narrow or wide == StringMatch() or wide.regex == "*":
        return True
    begin, whole = narrow.prefix, narrow.exact
    fold = str.lower if ignore_case else str
    if wide.exact is not None:
        return whole is not None and fold(whole) == fold(wide.exact)
    known = whole if whole is not None else begin
    return wide.prefix is not None and known is not None and fold(known).startswith(fold(wide.prefix))
