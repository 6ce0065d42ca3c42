"""Consistent hashing: what of a request decides which endpoint of a destination gets it.

It is said of each cluster, not of routes as Istio does: there, destinations that share a route share what is hashed,
and a split that is a function of a hash (`sticky`) does too.
"""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RouteAction

from turnout.compiler.values import duration
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Target
from turnout.resources.destination_rule import ConsistentHash, HTTPCookie


def hash_policy(settings: ConsistentHash) -> RouteAction.HashPolicy | None:
    """None: nothing is named."""
    built = RouteAction.HashPolicy()
    if settings.http_header_name:
        built.header.header_name = settings.http_header_name
    elif settings.http_cookie is not None:
        _cookie(built.cookie, settings.http_cookie)
    elif settings.http_query_parameter_name:
        built.query_parameter.name = settings.http_query_parameter_name
    elif settings.use_source_ip:
        built.connection_properties.source_ip = True
    else:
        return None
    return built


def is_hashed(target: Target, mesh: Mesh) -> bool:
    """Whether a destination, which need not exist, chooses endpoints by a hash."""
    if target.host not in mesh.services:
        return False
    host = mesh.policy(target.host, target.view)
    balancer = host.policy(target.port, host.subset(target.subset)).load_balancer
    return bool(balancer and balancer.consistent_hash and hash_policy(balancer.consistent_hash))


def _cookie(built: RouteAction.HashPolicy.Cookie, wanted: HTTPCookie) -> None:
    """With a ttl (0s: for the session) Envoy sets the cookie itself where a client has none."""
    built.name = wanted.name
    built.path = wanted.path
    if wanted.ttl is not None:
        built.ttl.CopyFrom(duration(wanted.ttl))
    for attribute in wanted.attributes:
        built.attributes.add(name=attribute.get("name", ""), value=attribute.get("value", ""))
