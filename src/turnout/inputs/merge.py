"""A file's change carried over to a live object: only what differs between the file's old and new content.

Whatever else was changed on the live object (a weight shifted, a mirror added) stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from turnout.inputs.align import by_name, same, weave

ABSENT: Final = object()
"""No value here; `None` is a value (YAML's `null`)."""


def merge(old: Any, new: Any, live: Any) -> Any:
    """The live value with the change from `old` to `new` made to it; where both changed, `new` wins.

    Any of the three may be `ABSENT`, and so may the result. Lists are gone through by `name` where every item has one,
    by index where all three are equally long, and are else one value.
    """
    if same(old, new):
        return live
    if isinstance(new, Mapping) and isinstance(live, Mapping):
        return _merge_mapping(old if isinstance(old, Mapping) else {}, new, live)
    if isinstance(old, list) and isinstance(new, list) and isinstance(live, list):
        return _merge_list(old, new, live)
    return new


def _merge_mapping(old: Mapping[str, Any], new: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Live's keys in live's order, then the file's new ones."""
    merged = {
        key: merge(old.get(key, ABSENT), new.get(key, ABSENT), live.get(key, ABSENT))
        for key in [*live, *(key for key in new if key not in live)]
    }
    return {key: value for key, value in merged.items() if value is not ABSENT}


def _merge_list(old: list[Any], new: list[Any], live: list[Any]) -> list[Any]:
    olds, news, lives = by_name(old), by_name(new), by_name(live)
    if olds is not None and news is not None and lives is not None:
        return _merge_named(olds, news, lives)
    if len(old) == len(new) == len(live):
        return [merge(*items) for items in zip(old, new, live, strict=True)]
    return new


def _merge_named(old: Mapping[str, Any], new: Mapping[str, Any], live: Mapping[str, Any]) -> list[Any]:
    """Order matters (the first matching route wins): it is live's, unless the file changed its own order."""
    reordered = [name for name in old if name in new] != [name for name in new if name in old]
    order = weave(list(new), list(live)) if reordered else weave(list(live), list(new))
    merged = (merge(old.get(name, ABSENT), new.get(name, ABSENT), live.get(name, ABSENT)) for name in order)
    return [item for item in merged if item is not ABSENT]
