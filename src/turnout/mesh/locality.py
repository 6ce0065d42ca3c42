"""Where something runs: region, zone, subzone. One machine has no places of its own: labels say which to pretend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LABELS = (
    "istio-locality",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)
"""Those that Istio reads of a pod or of its node. The first is all of it with dots: `region.zone.subzone`."""


@dataclass(frozen=True, slots=True)
class Locality:
    region: str = ""
    zone: str = ""
    subzone: str = ""

    def within(self, pattern: str) -> bool:
        """Whether it lies in `region`, `region/zone`, `region/zone/subzone`, any part of which may be `*`."""
        wanted = pattern.split("/")
        return all(part in ("*", "", own) for part, own in zip(wanted, self.parts, strict=False))

    def distance(self, other: Locality) -> int:
        """0 in the same subzone, 1 in the same zone, 2 in the same region, else 3."""
        same = 0
        for own, its in zip(self.parts, other.parts, strict=True):
            if own != its:
                break
            same += 1
        return 3 - same

    @property
    def parts(self) -> tuple[str, str, str]:
        return self.region, self.zone, self.subzone


def locality(labels: Mapping[str, str]) -> Locality:
    whole, *parts = (labels.get(name, "") for name in LABELS)
    return parsed(whole, ".") if whole else Locality(*parts)


def parsed(text: str, separator: str = "/") -> Locality:
    """`region/zone/subzone`, the later of which may be missing."""
    return Locality(*text.split(separator)[:3])
