"""What a route does, in plain words: one function per field of an HTTP route. What is compiled in `route.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.compiler import mirror, retry
from turnout.compiler.match_words import listed, quoted
from turnout.mesh import names
from turnout.resources.duration import written
from turnout.resources.sticky import parsed
from turnout.resources.virtual_service import (
    Abort,
    CorsPolicy,
    Delay,
    Destination,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPFaultInjection,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    Percent,
    StringMatch,
)

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a hundred requests go to a destination, or are copied to it; `host` is the full name."""

    host: str
    subset: str
    port: int
    percent: float


def weights(http: HTTPRoute, namespace: str) -> list[Share]:
    """A single destination takes all, whatever its weight. `namespace`: the VirtualService's."""
    choices = [(choice.destination, choice.weight) for choice in http.route if choice.destination]
    if len(choices) == 1:
        return [_share(choices[0][0], namespace, 100.0)]
    total = sum(weight for _, weight in choices)
    return [_share(to, namespace, 100 * weight / total if total else 0.0) for to, weight in choices]


def mirrors(http: HTTPRoute, namespace: str) -> list[Share]:
    """Where copies go."""
    return [_share(destination, namespace, percent) for destination, percent in mirror.mirrored(http)]


def _share(to: Destination, namespace: str, percent: float) -> Share:
    host = names.fqdn(to.host, namespace)
    return Share(host, to.subset, to.port.number if to.port else 0, round(percent, 3))


def words(http: HTTPRoute, namespace: str, sticky: str = "") -> str:
    """Everything that happens to a request: `90 % to reviews v1, 10 % to reviews v2; given up after 2s`.

    `sticky`: its VirtualService's annotation.
    """
    retries = None if http.retries is None else retry_words(http.retries)
    parts = [
        fault(http.fault) if http.fault else None,
        _answer(http, namespace) + _decided(http, sticky),
        _copies(http, namespace),
        rewrite(http.rewrite) if http.rewrite else None,
        f"given up after {written(http.timeout)}" if http.timeout else None,
        retries,
        headers(http.headers),
        *_own_headers(http, namespace),
        cors(http.cors_policy) if http.cors_policy else None,
    ]
    return "; ".join(part for part in parts if part)


def _answer(http: HTTPRoute, namespace: str) -> str:
    if http.redirect:
        return redirect(http.redirect)
    if http.direct_response:
        return direct_response(http.direct_response)
    if http.delegate:
        return f"left to VirtualService {http.delegate.namespace or namespace}/{http.delegate.name}"
    shares = weights(http, namespace)
    if len(shares) == 1:
        return f"all to {place(shares[0], namespace)}"
    return ", ".join(f"{share.percent:g} % to {place(share, namespace)}" for share in shares) or "nowhere"


def _decided(http: HTTPRoute, sticky: str) -> str:
    """By what it is decided who gets a request, where that is not chance."""
    wanted = parsed(sticky)
    return f", {wanted.words}" if wanted and sum(choice.weight > 0 for choice in http.route) > 1 else ""


def place(share: Share, namespace: str) -> str:
    """`reviews v2`, `reviews.shop v2`, `reviews port 8080`; short, as callers in `namespace` may write it."""
    host = share.host.removesuffix(f".svc.{names.DOMAIN}").removesuffix(f".{namespace}")
    return " ".join([host, *([share.subset] if share.subset else []), *([f"port {share.port}"] if share.port else [])])


def _copies(http: HTTPRoute, namespace: str) -> str | None:
    shares = mirrors(http, namespace) if http.route else []
    whole = (f"{_every(share.percent)} copied to {place(share, namespace)}" for share in shares)
    return ", ".join(whole) or None


def _every(percent: float) -> str:
    return "each is" if percent == 100 else f"{percent:g} % are"


def retry_words(wanted: HTTPRetry | None) -> str:
    """None is Istio's default."""
    if wanted is None:
        return f"retried at most {_times(retry.ATTEMPTS)} when it could not be delivered (Istio's default)"
    if wanted.attempts <= 0:
        return "never retried"
    parts = [f"retried at most {_times(wanted.attempts)}"]
    parts += [f"on {wanted.retry_on}"] if wanted.retry_on else []
    parts += [f"each try {written(wanted.per_try_timeout)} at most"] if wanted.per_try_timeout else []
    parts += [f"from {written(wanted.backoff)} apart"] if wanted.backoff else []
    return ", ".join(parts)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def fault(injected: HTTPFaultInjection) -> str | None:
    """None where nothing is injected that Envoy can inject."""
    parts = [*_delayed(injected.delay), *_aborted(injected.abort)]
    return listed(parts, "and") if parts else None


def _delayed(delay: Delay | None) -> Iterator[str]:
    if delay and delay.fixed_delay:
        percent = delay.percentage.value if delay.percentage else float(delay.percent)
        yield f"{_every(percent)} delayed by {written(delay.fixed_delay)}"


def _aborted(abort: Abort | None) -> Iterator[str]:
    if abort and (abort.http_status or abort.grpc_status):
        status = f"gRPC status {abort.grpc_status}" if abort.grpc_status else str(abort.http_status)
        yield f"{_every((abort.percentage or Percent()).value)} answered with {status} instead"


def rewrite(wanted: HTTPRewrite) -> str:
    parts = [f"the matched path becomes {quoted(wanted.uri)}"] if wanted.uri and not wanted.uri_regex_rewrite else []
    regex = wanted.uri_regex_rewrite
    parts += [f"what matches {quoted(regex.match)} in the path becomes {quoted(regex.rewrite)}"] if regex else []
    parts += [f"the host becomes {quoted(wanted.authority)}"] if wanted.authority else []
    return listed(parts, "and") if parts else "rewritten to the same"


def redirect(wanted: HTTPRedirect) -> str:
    ports = {"FROM_PROTOCOL_DEFAULT": "the scheme's own port", "FROM_REQUEST_PORT": "the port it came in on"}
    parts = [
        f"scheme {wanted.scheme}" if wanted.scheme else "",
        f"host {quoted(wanted.authority)}" if wanted.authority else "",
        f"port {wanted.port}" if wanted.port is not None else ports.get(wanted.derive_port or "", ""),
        f"path {quoted(wanted.uri)}" if wanted.uri else "",
        f"{quoted(wanted.prefix_rewrite)} for the matched path" if wanted.prefix_rewrite else "",
    ]
    given = [part for part in parts if part]
    return f"redirected with {wanted.redirect_code or 301}{' to ' + ', '.join(given) if given else ''}"


def direct_response(wanted: HTTPDirectResponse) -> str:
    body = wanted.body
    text = body.string if body else None
    if not text:
        what = "" if body is None or not body.bytes else " and bytes"
    else:
        what = f" and {quoted(text[:_SHOWN_CHARACTERS])}{'…' if len(text) > _SHOWN_CHARACTERS else ''}"
    return f"answered with {wanted.status}{what}, by the proxy itself"


def headers(wanted: Headers | None) -> str | None:
    """`request header x-user set to ada; response header server removed`."""
    sides = (("request", wanted.request), ("response", wanted.response)) if wanted else ()
    parts = [line for side, operations in sides if operations for line in _operations(side, operations)]
    return "; ".join(parts) or None


def _own_headers(http: HTTPRoute, namespace: str) -> Iterator[str]:
    """What only requests to one of the destinations get."""
    for choice in http.route:
        if choice.destination and (own := headers(choice.headers)):
            yield f"to {place(_share(choice.destination, namespace, 0), namespace)}: {own}"


def _operations(side: str, operations: HeaderOperations) -> Iterator[str]:
    """In the order in which they are carried out."""
    for name in sorted(operations.remove):
        yield f"{side} header {name} removed"
    for name, value in sorted(operations.set.items()):
        yield f"{side} header {name} set to {quoted(value)}"
    for name, value in sorted(operations.add.items()):
        yield f"{side} header {name}: {quoted(value)} added"


def cors(policy: CorsPolicy) -> str:
    origins = [_origin(o) for o in policy.allow_origins] or [quoted(origin) for origin in policy.allow_origin]
    parts = [f"pages from {listed(origins, 'and') if origins else 'nowhere else'} may call it"]
    for what, values in (
        ("methods", policy.allow_methods),
        ("headers", policy.allow_headers),
        ("readable headers", policy.expose_headers),
    ):
        parts += [f"{what} {' '.join(values)}"] if values else []
    parts += ["with credentials"] if policy.allow_credentials else []
    parts += [f"remembered for {written(policy.max_age)}"] if policy.max_age else []
    return ", ".join(parts)


def _origin(origin: StringMatch) -> str:
    if origin.exact is not None:
        return quoted(origin.exact)
    return (
        f"{quoted(origin.prefix)}…" if origin.prefix is not None else f"whatever matches {quoted(origin.regex or '')}"
    )
