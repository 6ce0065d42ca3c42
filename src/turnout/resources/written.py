"""Objects as YAML, for people and for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml


class _Plain(yaml.SafeDumper):
    """Without anchors: what two objects have in common is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """One after the other, their fields in the given order."""
    return yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, width=120, explicit_start=True)
