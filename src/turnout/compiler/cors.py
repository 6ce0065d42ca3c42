"""Cross-origin policy, per route."""

from __future__ import annotations

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy as EnvoyCorsPolicy
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.compiler.match import string
from turnout.resources.virtual_service import CorsPolicy

FILTER = "envoy.filters.http.cors"


def cors(policy: CorsPolicy) -> EnvoyCorsPolicy:
    built = EnvoyCorsPolicy(
        allow_methods=",".join(policy.allow_methods),
        allow_headers=",".join(policy.allow_headers),
        expose_headers=",".join(policy.expose_headers),
    )
    built.allow_origin_string_match.extend(_origins(policy))
    if policy.allow_credentials is not None:
        built.allow_credentials.value = policy.allow_credentials
    if policy.max_age is not None:
        built.max_age = str(int(policy.max_age.total_seconds()))
    built.filter_enabled.default_value.numerator = 100
    # Unmatched preflights are passed on to the application unless the policy says IGNORE.
    built.forward_not_matching_preflights.value = policy.unmatched_preflights != "IGNORE"
    return built


def _origins(policy: CorsPolicy) -> list[StringMatcher]:
    """The older `allowOrigin` counts only without `allowOrigins`; an origin that names nothing matches nothing."""
    if not policy.allow_origins:
        return [StringMatcher(exact=origin) for origin in policy.allow_origin]
    matchers = (string(origin) for origin in policy.allow_origins)
    return [matcher for matcher in matchers if matcher is not None]
