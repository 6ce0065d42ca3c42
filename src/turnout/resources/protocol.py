"""The protocols a port can have, as Istio names them."""

from __future__ import annotations

HTTP_PROTOCOLS = frozenset(("http", "http2", "http_proxy", "grpc", "grpc-web"))
TLS_PROTOCOLS = frozenset(("https", "tls"))
PROTOCOLS = HTTP_PROTOCOLS | TLS_PROTOCOLS | {"tcp", "udp", "mongo", "redis", "mysql", "hbone"}


def is_protocol(name: str) -> bool:
    return name.lower() in PROTOCOLS


def is_http(name: str) -> bool:
    """Plain HTTP of any version: HTTPS is not among them."""
    return name.lower() in HTTP_PROTOCOLS


def is_tls(name: str) -> bool:
    return name.lower() in TLS_PROTOCOLS
