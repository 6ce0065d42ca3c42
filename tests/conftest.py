"""How hypothesis searches: the same examples each time, so that a change is judged by what it changes.

`pytest --hypothesis-profile=search` looks elsewhere, and longer. A deadline for one example would only measure how busy
the machine is.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("same")
