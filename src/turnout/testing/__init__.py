"""Assertions about routing: manifests on a real Envoy, with stand-ins for every workload, within a test.

The pytest plugin gives tests the fixture `mesh`; `running_mesh` is the same without pytest. See docs/testing.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnout.testing.mesh import Mesh, running_mesh
    from turnout.testing.received import Received
    from turnout.testing.response import Response
    from turnout.testing.split import Split
    from turnout.testing.upstream import Upstream

__all__ = ["Mesh", "Received", "Response", "Split", "Upstream", "running_mesh"]

_HOMES = {"running_mesh": "mesh"}


def __getattr__(name: str) -> Any:
    """Imported when asked for: pytest loads the plugin in every project, also where nobody uses it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, name.lower())}"), name)
