"""How whoever needs to talk to the API gets to: an instance's, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable

from turnout.client import Client

Opening = Callable[[float], Client]
"""Of seconds that an answer may take, to a client of one's own. Raises TurnoutError when nobody answers."""
