"""What `kubectl apply` would make of live objects: what files say now, without what they said before alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from turnout.client import Client
from turnout.cluster.live import READ, read
from turnout.inputs.align import by_name
from turnout.inputs.apply import content, key_of
from turnout.resources.kinds import POD

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
ABSENT: Final = object()

Object = Mapping[str, Any]


def live_objects(client: Client) -> list[dict[str, Any]]:
    """All that says what shall be, as far as it may be read. Raises TurnoutError."""
    return list(read(client, [kind for kind in READ if kind is not POD]).objects)


def applied(wanted: Iterable[Object], live: Sequence[Object]) -> list[Object]:
    """The live objects as they would be; nothing is deleted."""
    objects: dict[Any, Object] = {key_of(obj): obj for obj in live}
    for obj in wanted:
        key, new = key_of(obj), content(obj)
        if key is None:
            continue
        before = objects.get(key)
        if before is None:
            objects[key] = new
        else:
            merged = _merged(_said_before(before), new, before)
            objects[key] = {**merged, **{field: before[field] for field in ("apiVersion", "kind") if field in before}}
    return list(objects.values())


def _said_before(live: Object) -> Any:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        return json.loads(text) if text else ABSENT
    except ValueError:
        return ABSENT


def _merged(said: Any, new: Any, live: Any) -> Any:
    """Of mappings, field by field; of lists whose items have names, item by item; else what the file says."""
    if isinstance(new, Mapping) and isinstance(live, Mapping):
        return dict(_fields(said if isinstance(said, Mapping) else {}, new, live))
    news, lives = by_name(new), by_name(live)
    if news is not None and lives is not None and list(news) == list(lives):
        return [_merged(ABSENT, item, lives[name]) for name, item in news.items()]
    return new


def _fields(said: Object, new: Object, live: Object) -> Iterator[tuple[str, Any]]:
    for key in (*live, *(key for key in new if key not in live)):
        if key not in new:
            if key not in said:
                yield key, live[key]
        elif key not in live:
            yield key, new[key]
        else:
            yield key, _merged(said.get(key, ABSENT), new[key], live[key])
