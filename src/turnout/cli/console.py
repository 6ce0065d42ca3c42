"""Where tables are printed: as wide as the terminal, and wide enough for every column where there is none."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 160


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
