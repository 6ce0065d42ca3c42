"""Results of pure functions, kept from one derivation to the next: where little has changed, little is made anew.

What comes out is always what would have been made from scratch; only sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
G = TypeVar("G", bound=Hashable)

_MISSING = object()


class Memo:
    """Inputs are compared, not hashed: first by identity, which costs next to nothing, then by equality.

    Nobody may change what went in or came out. What a derivation does not ask for is forgotten after it.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}
        self._asked: dict[Hashable, Any] = {}

    def of(self, name: Hashable, inputs: tuple[object, ...], make: Callable[[], T]) -> T:
        """What `make` returns; `inputs` must be all that it depends on."""
        known: _Made | None = self._known(_Made, name)
        entry = known if known is not None and known.inputs == inputs else _Made(inputs, make())
        self._asked[_Made, name] = entry
        result: T = entry.result
        return result

    def each(
        self,
        name: Hashable,
        inputs: Sequence[Mapping[K, Any]],
        make: Callable[..., T],
        context: tuple[object, ...] = (),
    ) -> Mapping[K, T]:
        """`make(key, *values)` for every key of the first input, in its order, with the key's value in each input.

        None stands for a value that an input lacks. `make` may depend on these values and on `context`, and on nothing
        else. Equal results are the same objects as before, and so is the whole when nothing has changed: what is made
        from it in turn stays as it is.
        """
        known: _Each | None = self._known(_Each, name)
        entry = self._asked[_Each, name] = _Each.of(known, inputs, make, context)
        return entry.results

    def grouped(
        self, name: Hashable, items: Mapping[K, V], groups: Mapping[K, tuple[G, ...]]
    ) -> Mapping[G, tuple[V, ...]]:
        """The items of each group, in order; the groups are in none. `groups`: those that an item belongs to."""
        known: _Grouped | None = self._known(_Grouped, name)
        entry = self._asked[_Grouped, name] = _Grouped.of(known, items, groups)
        return entry.results

    def ordered(self, name: Hashable, items: Sequence[V], age: Callable[[V], Any]) -> tuple[V, ...]:
        """Sorted by what `age` says of each."""
        known: _Ordered | None = self._known(_Ordered, name)
        entry = self._asked[_Ordered, name] = _Ordered.of(known, tuple(items), age)
        return entry.results

    def _known(self, kind: type, name: Hashable) -> Any:
        """What was asked twice in one derivation is the same both times."""
        key = (kind, name)
        return self._asked[key] if key in self._asked else self._kept.get(key)

    def forget_unasked(self) -> None:
        """To be called at the end of each derivation: the memo stays as large as one of them."""
        self._kept, self._asked = self._asked, {}


@dataclass(frozen=True, slots=True)
class _Made:
    inputs: tuple[object, ...]
    result: Any


@dataclass(frozen=True, slots=True)
class _Each:
    context: tuple[object, ...]
    inputs: Sequence[Mapping[Any, Any]]
    results: Mapping[Any, Any]

    @classmethod
    def of(
        cls,
        known: _Each | None,
        inputs: Sequence[Mapping[Any, Any]],
        make: Callable[..., Any],
        context: tuple[object, ...],
    ) -> _Each:
        first = inputs[0]
        if known is None or known.context != context:
            made = {key: make(key, *(each.get(key) for each in inputs)) for key in first}
            return cls(context, inputs, _merged(known.results, made, first) if known else made)
        pairs = zip(known.inputs, inputs, strict=True)
        changed = dict.fromkeys(chain.from_iterable(_changed(old, new) for old, new in pairs))
        if not changed and (known.inputs[0] is first or list(known.inputs[0]) == list(first)):
            return cls(context, inputs, known.results)
        made = {key: make(key, *(each.get(key) for each in inputs)) for key in changed if key in first}
        return cls(context, inputs, _merged(known.results, made, first))


@dataclass(frozen=True, slots=True)
class _Grouped:
    """`members`: the items of each group by their names."""

    items: Mapping[Any, Any]
    groups: Mapping[Any, tuple[Any, ...]]
    members: dict[Any, list[Any]]
    results: Mapping[Any, tuple[Any, ...]]

    @classmethod
    def of(cls, known: _Grouped | None, items: Mapping[Any, Any], groups: Mapping[Any, tuple[Any, ...]]) -> _Grouped:
        if known is None or not _same_order(known.items, items):
            fresh = _members(items, groups)
            return cls(items, groups, fresh, {each: _values(names, items) for each, names in fresh.items()})
        moved = list(_changed(known.groups, groups))
        members = _moved(known, moved, items, groups) if moved else known.members
        touched = {each for key in (*moved, *_changed(known.items, items)) for each in _groups(known, groups, key)}
        results = {**known.results, **{each: _values(members.get(each, ()), items) for each in touched}}
        for each in touched - members.keys():
            del results[each]
        return cls(items, groups, members, results if touched else known.results)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """`order`: the places of the items, as they were given, in the results."""

    items: tuple[Any, ...]
    order: Sequence[int]
    results: tuple[Any, ...]

    @classmethod
    def of(cls, known: _Ordered | None, items: tuple[Any, ...], age: Callable[[Any], Any]) -> _Ordered:
        if known is not None and len(known.items) == len(items):
            pairs = zip(known.items, items, strict=True)
            changed = [(old, new) for old, new in pairs if old is not new]
            if not changed:
                return known
            if all(age(old) == age(new) for old, new in changed):
                return cls(items, known.order, _values(known.order, items))
        order = sorted(range(len(items)), key=lambda at: age(items[at]))
        return cls(items, order, _values(order, items))


def _members(items: Mapping[Any, Any], groups: Mapping[Any, tuple[Any, ...]]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for key in items:
        for each in groups.get(key, ()):
            found.setdefault(each, []).append(key)
    return found


def _moved(
    known: _Grouped, moved: Sequence[Any], items: Mapping[Any, Any], groups: Mapping[Any, tuple[Any, ...]]
) -> dict[Any, list[Any]]:
    """The members after some items have joined or left groups."""
    found = dict(known.members)
    place = dict(zip(items, count(), strict=False))
    left = set(moved)
    for each in {each for key in moved for each in _groups(known, groups, key)}:
        staying = [key for key in known.members.get(each, ()) if key not in left]
        joining = [key for key in moved if key in items and each in groups.get(key, ())]
        found[each] = sorted((*staying, *joining), key=place.__getitem__)
        if not found[each]:
            del found[each]
    return found


def _groups(known: _Grouped, groups: Mapping[Any, tuple[Any, ...]], key: Any) -> Iterable[Any]:
    """Those that an item was in, or is in now."""
    return (*known.groups.get(key, ()), *groups.get(key, ()))


def _values(names: Iterable[Any], items: Mapping[Any, Any] | Sequence[Any]) -> tuple[Any, ...]:
    return tuple(map(items.__getitem__, names))


def _changed(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterable[Any]:
    """Keys that were added, taken away, or have another value. What is the same is passed over at C's speed."""
    if old is new:
        return ()
    if len(old) == len(new) and list(old) == list(new):
        pairs = zip(new, old.values(), new.values(), strict=True)
        return [key for key, before, after in pairs if before is not after and before != after]
    known = old.get
    other = [(key, after) for key, after in new.items() if known(key, _MISSING) is not after]
    return [*(key for key, after in other if known(key, _MISSING) != after), *(key for key in old if key not in new)]


def _same_order(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    """Of the keys that both have."""
    if old is new or list(old) == list(new):
        return True
    return [key for key in old if key in new] == [key for key in new if key in old]


def _merged(before: Mapping[Any, Any], made: Mapping[Any, Any], keys: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """What was made over what there was, in the order of `keys`. What is equal stays the same object."""
    news = {key: after for key, after in made.items() if before.get(key, _MISSING) != after}
    if len(before) == len(keys) and list(before) == list(keys):
        return {**before, **news} if news else before
    return {key: news[key] if key in news else before[key] for key in keys}
