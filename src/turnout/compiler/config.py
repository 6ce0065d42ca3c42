"""One Envoy's complete configuration: every resource under its type, with a content hash as its version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from google.protobuf.message import Message

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105 # a type's name

DIGEST_BYTES = 8
SEND_ORDER = (CLUSTER, ENDPOINTS, LISTENER, ROUTES, SECRET)
"""Make before break: what is referred to is sent before what refers to it, and removed after it.

Secrets are asked for by clusters and listeners, which wait for them: they are sent whenever that happens.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A message serialized, and the hash of that."""

    content: bytes = field(repr=False)
    digest: bytes

    @classmethod
    def of(cls, message: Message) -> Part:
        content = message.SerializeToString(deterministic=True)
        return cls(content, hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest())


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource as it is sent, and its version: the hash of its content, so that equal content is never sent twice.

    `name`: that of a ClusterLoadAssignment is that of its cluster.
    """

    kind: type[Message]
    name: str
    version: str
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, message: Message) -> Versioned:
        name: str = getattr(message, "cluster_name", "") or message.name  # type: ignore[attr-defined] # all have one
        part = Part.of(message)
        return cls(type(message), name, part.digest.hex(), part.content)

    @classmethod
    def joined(cls, kind: type[Message], name: str, parts: Sequence[Part]) -> Versioned:
        """Of messages of one kind, which together are one: they add to each other's lists."""
        digest = hashlib.blake2b(b"".join([part.digest for part in parts]), digest_size=DIGEST_BYTES)
        return cls(kind, name, digest.hexdigest(), b"".join([part.content for part in parts]))

    @property
    def message(self) -> Message:
        """Read anew each time."""
        return self.kind.FromString(self.content)


Named = Mapping[str, Versioned]


@dataclass(frozen=True, slots=True)
class Config:
    """`resources[type_url][name]`; every type of SEND_ORDER is present, empty or not."""

    resources: Mapping[str, Named]

    @classmethod
    def of(
        cls,
        clusters: Iterable[Message],
        endpoints: Iterable[Message],
        listeners: Iterable[Message],
        routes: Iterable[Message],
        secrets: Iterable[Message] = (),
    ) -> Config:
        """Names must be unique within a type."""
        groups = zip(SEND_ORDER, (clusters, endpoints, listeners, routes, secrets), strict=True)
        return cls({type_url: named(map(Versioned.of, messages)) for type_url, messages in groups})

    @property
    def version(self) -> str:
        """The hash over all resources' versions."""
        digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for type_url in SEND_ORDER:
            for name, resource in sorted(self.resources[type_url].items()):
                digest.update(f"{type_url}\0{name}\0{resource.version}\0".encode())
        return digest.hexdigest()


def named(*groups: Iterable[Versioned]) -> Named:
    """By name, each of which is there once."""
    resources = list(chain.from_iterable(groups))
    found = {resource.name: resource for resource in resources}
    assert len(found) == len(resources), "two resources of one type have the same name"
    return found


EMPTY = Config.of((), (), (), ())
