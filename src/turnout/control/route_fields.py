"""What an HTTP route does, field by field, as JSON carries it."""

from __future__ import annotations

from typing import Any

from turnout.compiler import route_words
from turnout.resources.duration import written
from turnout.resources.virtual_service import HTTPRoute


def fields(http: HTTPRoute) -> dict[str, Any]:
    """Field by field, in words; None where the route does not have it."""
    forwards = not (http.redirect or http.direct_response or http.delegate)
    return {
        "timeout": written(http.timeout) if http.timeout else None,
        "retries": route_words.retry_words(http.retries) if forwards else None,
        "fault": route_words.fault(http.fault) if http.fault else None,
        "rewrite": route_words.rewrite(http.rewrite) if http.rewrite else None,
        "redirect": route_words.redirect(http.redirect) if http.redirect else None,
        "direct_response": route_words.direct_response(http.direct_response) if http.direct_response else None,
        "headers": route_words.headers(http.headers),
        "cors": route_words.cors(http.cors_policy) if http.cors_policy else None,
    }
