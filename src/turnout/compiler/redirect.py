"""Redirects: Envoy sends the client elsewhere itself."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction, Route, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from turnout.resources.virtual_service import HTTPRedirect, RegexRewrite

_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirect(wanted: HTTPRedirect, listener_port: int, shortened: RegexRewrite | None = None) -> RedirectAction:
    """No code is 301. A scheme's own port is not written out. `shortened`: takes the prefix away."""
    built = RedirectAction(
        host_redirect=wanted.authority,
        response_code=_CODES.get(wanted.redirect_code, RedirectAction.MOVED_PERMANENTLY),
    )
    if shortened:
        pattern = RegexMatcher(regex=shortened.match)
        built.regex_rewrite.CopyFrom(RegexMatchAndSubstitute(pattern=pattern, substitution=shortened.rewrite))
    elif wanted.prefix_rewrite:
        built.prefix_rewrite = wanted.prefix_rewrite
    elif wanted.uri:
        built.path_redirect = wanted.uri
    if wanted.scheme:
        built.scheme_redirect = wanted.scheme
    port = _port(wanted, listener_port)
    if port != _DEFAULT_PORTS[wanted.scheme or "http"]:
        built.port_redirect = port
    return built


def to_https(port: int) -> Route:
    """Everything, to a port that is not HTTPS's own."""
    return Route(match=RouteMatch(prefix="/"), redirect=RedirectAction(https_redirect=True, port_redirect=port))


def _port(wanted: HTTPRedirect, listener_port: int) -> int:
    """0: whatever follows from the scheme and the Host header."""
    if wanted.port is not None:
        return wanted.port
    return listener_port if wanted.derive_port == "FROM_REQUEST_PORT" else 0
