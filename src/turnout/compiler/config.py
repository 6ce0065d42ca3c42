"""One Envoy's complete configuration: every resource under its type, with a content hash as its version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 # a type's name

SEND_ORDER = (CLUSTER, ENDPOINTS, LISTENER, ROUTES, SECRET)
"""Make before break: what is referred to is sent before what refers to it, and removed after it.

Secrets are asked for by clusters and listeners, which wait for them: they are sent whenever that happens.
"""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource and its version: the hash of its content, so that equal content is never sent twice.

    `name`: that of a ClusterLoadAssignment is that of its cluster.
    """

    message: Message
    version: str
    name: str

    @classmethod
    def of(cls, message: Message) -> Versioned:
        digest = hashlib.blake2b(message.SerializeToString(deterministic=True), digest_size=8)
        name: str = getattr(message, "cluster_name", "") or message.name  # type: ignore[attr-defined] # all have one
        return cls(message, digest.hexdigest(), name)


@dataclass(frozen=True, slots=True)
class Config:
    """`resources[type_url][name]`; every type of SEND_ORDER is present, empty or not."""

    resources: Mapping[str, Mapping[str, Versioned]]

    @classmethod
    def of(
        cls,
        clusters: Iterable[Message | Versioned],
        endpoints: Iterable[Message | Versioned],
        listeners: Iterable[Message | Versioned],
        routes: Iterable[Message | Versioned],
        secrets: Iterable[Message | Versioned] = (),
    ) -> Config:
        """Names must be unique within a type. What has its version already is not hashed again."""
        groups = zip(SEND_ORDER, (clusters, endpoints, listeners, routes, secrets), strict=True)
        return cls({type_url: _by_name(resources) for type_url, resources in groups})

    @property
    def version(self) -> str:
        """The hash over all resources' versions."""
        digest = hashlib.blake2b(digest_size=8)
        for type_url in SEND_ORDER:
            for name, resource in sorted(self.resources[type_url].items()):
                digest.update(f"{type_url}\0{name}\0{resource.version}\0".encode())
        return digest.hexdigest()


def _by_name(messages: Iterable[Message | Versioned]) -> dict[str, Versioned]:
    named: dict[str, Versioned] = {}
    for message in messages:
        resource = message if isinstance(message, Versioned) else Versioned.of(message)
        assert resource.name not in named, f"two resources are called {resource.name}"
        named[resource.name] = resource
    return named


EMPTY = Config.of((), (), (), ())
