"""Consistent hashing: what of a request decides where it goes."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RouteAction

from turnout.compiler.values import duration
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Target
from turnout.resources.destination_rule import ConsistentHash, HTTPCookie


def hash_policy(target: Target, mesh: Mesh) -> RouteAction.HashPolicy | None:
    """None: the destination balances without a hash, or does not exist."""
    if target.host not in mesh.services:
        return None
    host = mesh.policy(target.host, target.view)
    balancer = host.policy(target.port, host.subset(target.subset)).load_balancer
    return _policy(balancer.consistent_hash) if balancer and balancer.consistent_hash else None


def _policy(settings: ConsistentHash) -> RouteAction.HashPolicy | None:
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


def _cookie(built: RouteAction.HashPolicy.Cookie, wanted: HTTPCookie) -> None:
    """With a ttl (0s: for the session) Envoy sets the cookie itself where a client has none."""
    built.name = wanted.name
    built.path = wanted.path
    if wanted.ttl is not None:
        built.ttl.CopyFrom(duration(wanted.ttl))
    for attribute in wanted.attributes:
        built.attributes.add(name=attribute.get("name", ""), value=attribute.get("value", ""))
