"""Which certificates and keys a mesh uses: they stay in use where what takes their place is no good."""

from __future__ import annotations

from turnout.mesh.client_tls import asked
from turnout.mesh.credential import Authority, KeyPair, Unusable
from turnout.mesh.mesh import Mesh
from turnout.mesh.server_tls import ending_tls


def credentials_in_use(mesh: Mesh) -> dict[str, KeyPair | Authority]:
    """By name, with those that are in use in place of others."""
    settings = (*(found for _, found in ending_tls(mesh)), *(found for *_, found in asked(mesh)))
    usable = (found for found in settings if not isinstance(found, Unusable))
    return {credential.name: credential for found in usable for credential in found.credentials}
