"""Which VirtualServices are bound to which gateways."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.memo import Memo
from turnout.mesh import names
from turnout.mesh.delegation import Speaker, SpeakerKey
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.resources.virtual_service import VirtualService


def gateways_of(virtual_service: VirtualService) -> tuple[str, ...]:
    """The gateways that a VirtualService is bound to, as `namespace/name` or `mesh`; none named means `mesh`."""
    namespace = virtual_service.metadata.namespace
    return tuple(names.gateway_reference(g, namespace) for g in virtual_service.spec.gateways) or (names.MESH,)


def by_gateway(speakers: Mapping[SpeakerKey, Speaker], memo: Memo) -> Mapping[str, tuple[Speaker, ...]]:
    """By gateway, in order. What is exported to other namespaces only does not reach the gateway's."""
    return memo.grouped("bound", speakers, memo.each("gateways", (speakers,), _reached))


def _reached(_: SpeakerKey, speaker: Speaker) -> tuple[str, ...]:
    virtual_service = speaker.virtual_service
    if not names.exported(virtual_service.spec.export_to, virtual_service.metadata.namespace, GATEWAY_NAMESPACE):
        return ()
    return tuple(dict.fromkeys(gateways_of(virtual_service)))
