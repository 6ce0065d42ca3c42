"""YAML events: libyaml's parser through PyYAML, the only place that imports it for reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML built without libyaml still works, slower

MappingStart = yaml.MappingStartEvent
SequenceStart = yaml.SequenceStartEvent
MappingEnd = yaml.MappingEndEvent
SequenceEnd = yaml.SequenceEndEvent
Scalar = yaml.ScalarEvent
Alias = yaml.AliasEvent
DocumentStart = yaml.DocumentStartEvent
DocumentEnd = yaml.DocumentEndEvent
Event = Any  # the stubs call every mark optional; those of parsed events never are
SyntaxFault = yaml.MarkedYAMLError


def events(text: str) -> Iterator[Event]:
    """The events of a YAML stream, one by one: nothing is built, so that the reader can stop at its own bounds.

    Raises SyntaxFault at the place where the text stops being YAML. Marks count from 0, in characters.
    """
    return iter(yaml.parse(text, Loader=_LOADER))
