"""Results of pure functions, kept from one compilation to the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """What was made from inputs that have not changed is not made again: the result is the same, only sooner.

    Inputs are compared, not hashed. Resources that nobody touched are the same objects as before, so that comparing
    them costs next to nothing; what one compilation does not ask for is forgotten after it.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[object, Any]] = {}
        self._asked: dict[Hashable, tuple[object, Any]] = {}

    def of(self, name: Hashable, inputs: tuple[object, ...], make: Callable[[], T]) -> T:
        """What `make` returns; `inputs` must be all that it depends on. Nobody may change what is returned."""
        known = self._kept.get(name)
        entry = known if known is not None and known[0] == inputs else (inputs, make())
        self._asked[name] = entry
        result: T = entry[1]
        return result

    def forget_unasked(self) -> None:
        """To be called at the end of each compilation: the memo stays as large as one configuration."""
        self._kept, self._asked = self._asked, {}
