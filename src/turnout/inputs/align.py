"""Which item of one list is which item of another: by name where all have one, else by position."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def canonical(value: Any) -> str:
    """Compact JSON with sorted keys: equal text means equal content (`1` and `true` differ)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def same(left: Any, right: Any) -> bool:
    """Equality as JSON sees it; Python alone would take `True` for `1`."""
    return bool(left == right) and canonical(left) == canonical(right)


def by_name(items: Any) -> dict[str, Mapping[str, Any]] | None:
    """The items by their `name`, in order; None unless it is a list whose items all have one, each its own."""
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        return None
    names = [item.get("name") for item in items]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        return None
    return dict(zip(names, items, strict=True))


def weave(base: Sequence[str], other: Sequence[str]) -> list[str]:
    """`base` in its order, and what only `other` has, each after the one it follows there."""
    woven = list(base)
    known = set(base)
    for index, name in enumerate(other):
        if name not in known:
            woven.insert(woven.index(other[index - 1]) + 1 if index else 0, name)
            known.add(name)
    return woven
