"""What became of a copy that the internal listener took in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from turnout.telemetry import flags
from turnout.telemetry.series import Series

End = Literal["sent", "failed", "dropped", "unreached"]


def ends(copy: Series) -> Iterator[End]:
    """`dropped`: beyond the limits; `unreached`: no endpoint, or no connection. `failed`: sent for nothing."""
    set_flags = set(flags.split(copy.response_flags))
    if set_flags & {"UH", "UF", "NC"}:
        yield "unreached"
    elif not copy.destination_workload:  # never led on to an endpoint
        yield "dropped"
    else:
        yield "sent"
        if copy.failed or set_flags:
            yield "failed"
