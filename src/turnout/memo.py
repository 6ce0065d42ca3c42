"""Results of pure functions, kept from one derivation to the next: where little has changed, little is made anew.

What comes out is always what would have been made from scratch; only sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from types import MappingProxyType
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

    def ordered(self, name: Hashable, items: Mapping[K, V], age: Callable[[V], Any]) -> Mapping[K, V]:
        """Sorted by what `age` says of each."""
        known: _Ordered | None = self._known(_Ordered, name)
        entry = self._asked[_Ordered, name] = _Ordered.of(known, items, age)
        return entry.results

    def united(self, name: Hashable, *parts: Mapping[K, V]) -> Mapping[K, V]:
        """All together; of one key, the later's value."""
        known: _United | None = self._known(_United, name)
        entry = self._asked[_United, name] = _United.of(known, parts)
        return entry.results

    def within(self, name: Hashable) -> Memo:
        """Another, for a part that says by itself when it is derived. Names in there are its own."""
        known: Memo | None = self._known(Memo, name)
        entry = self._asked[Memo, name] = known or Memo()
        return entry

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
            return cls(context, inputs, _merged(known.results, made, first) if known else _Kept(made))
        pairs = zip(known.inputs, inputs, strict=True)
        changed = dict.fromkeys(chain.from_iterable(_changed(old, new) for old, new in pairs))
        made = {key: make(key, *(each.get(key) for each in inputs)) for key in changed if key in first}
        if _same_keys(known.inputs[0], first):
            return cls(context, inputs, _patched(known.results, made))
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
            return cls(items, groups, fresh, _Kept({each: _values(names, items) for each, names in fresh.items()}))
        moved = list(_changed(known.groups, groups))
        members = _moved(known, moved, items, groups) if moved else known.members
        touched = {each for key in (*moved, *_changed(known.items, items)) for each in _groups(known, groups, key)}
        results = {each: _values(members[each], items) for each in touched if each in members}
        gone = touched - members.keys()
        if not gone and results.keys() <= known.results.keys():
            return cls(items, groups, members, _patched(known.results, results))
        left = {each: found for each, found in known.results.items() if each not in gone}
        return cls(items, groups, members, _Kept({**left, **results}))


@dataclass(frozen=True, slots=True)
class _Ordered:
    items: Mapping[Any, Any]
    results: Mapping[Any, Any]

    @classmethod
    def of(cls, known: _Ordered | None, items: Mapping[Any, Any], age: Callable[[Any], Any]) -> _Ordered:
        if known is not None and _same_keys(known.items, items):
            changed = {key: items[key] for key in _changed(known.items, items)}
            if all(age(known.items[key]) == age(value) for key, value in changed.items()):
                return cls(items, _patched(known.results, changed))
        return cls(items, _Kept(dict(sorted(items.items(), key=lambda item: age(item[1])))))


@dataclass(frozen=True, slots=True)
class _United:
    parts: tuple[Mapping[Any, Any], ...]
    results: Mapping[Any, Any]

    @classmethod
    def of(cls, known: _United | None, parts: tuple[Mapping[Any, Any], ...]) -> _United:
        if known is not None and all(_same_keys(old, new) for old, new in zip(known.parts, parts, strict=True)):
            pairs = zip(known.parts, parts, strict=True)
            changed = chain.from_iterable(_changed(old, new) for old, new in pairs)
            values = {key: next(part[key] for part in reversed(parts) if key in part) for key in changed}
            return cls(parts, _patched(known.results, values))
        return cls(parts, _Kept({key: value for part in parts for key, value in part.items()}))


class _Kept(dict[Any, Any]):
    """A result that follows an earlier one with the same keys, and knows where it differs from it."""

    __slots__ = ("before", "changed", "token")

    def __init__(self, before: Mapping[Any, Any], changed: Mapping[Any, Any] = MappingProxyType({})) -> None:
        super().__init__(before)
        self.update(changed)
        self.changed = tuple(changed)
        self.before: object | None = before.token if isinstance(before, _Kept) else None
        self.token: object = object()
        """Stands for it with those who follow, so that they need not hold on to it."""


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
    if _follows(old, new):
        return new.changed  # type: ignore[attr-defined, no-any-return] # it is a _Kept
    if _same_keys(old, new):
        pairs = zip(new, old.values(), new.values(), strict=True)
        return [key for key, before, after in pairs if before is not after and before != after]
    known = old.get
    other = [(key, after) for key, after in new.items() if known(key, _MISSING) is not after]
    return [*(key for key, after in other if known(key, _MISSING) != after), *(key for key in old if key not in new)]


def _follows(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    return isinstance(new, _Kept) and isinstance(old, _Kept) and new.before is old.token


def _same_keys(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    """In the same order."""
    return old is new or _follows(old, new) or (len(old) == len(new) and list(old) == list(new))


def _same_order(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    """Of the keys that both have."""
    return _same_keys(old, new) or [key for key in old if key in new] == [key for key in new if key in old]


def _patched(before: Mapping[Any, Any], made: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """With other values of some of its keys. What is equal stays the same object."""
    news = {key: after for key, after in made.items() if before[key] is not after and before[key] != after}
    return _Kept(before, news) if news else before


def _merged(before: Mapping[Any, Any], made: Mapping[Any, Any], keys: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """What was made over what there was, in the order of `keys`. What is equal stays the same object."""
    news = {key: after for key, after in made.items() if before.get(key, _MISSING) != after}
    if _same_keys(before, keys):
        return _Kept(before, news) if news else before
    return _Kept({key: news[key] if key in news else before[key] for key in keys})
