"""The annotation that makes the splits of an object a function of a hash."""

from __future__ import annotations

from turnout.resources import sticky
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.meta import Metadata
from turnout.resources.spelling import shown


def check_sticky(metadata: Metadata, findings: Findings) -> None:
    """Of a VirtualService, an HTTPRoute or a GRPCRoute."""
    given = metadata.annotations.get(sticky.ANNOTATION)
    if given is not None and sticky.parsed(given) is None:
        at: Path = ("metadata", "annotations", sticky.ANNOTATION)
        findings.add("TNO015", at, f"{shown(given)} is nothing to split by", sticky.HINT)
