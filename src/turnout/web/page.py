"""What a module in `pages/` says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from turnout.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Page:
    """`path` may have parameters (`/service/{name}`). Without a `label` it is not in the top bar."""

    path: str
    label: str
    build: Callable[[Visit], None]
    parent: str = ""
    """The path of the page in the top bar to which it belongs, if it is not there itself."""
