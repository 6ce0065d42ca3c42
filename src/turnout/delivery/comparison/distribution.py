"""Whether two samples come from one distribution. Exact, or on the safe side: the tails are what is used of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from turnout.delivery.comparison.difference import Sample
from turnout.delivery.comparison.proportion import Count, differs, least_differing

MOST_CATEGORIES = 20
_MOST_STEPS = 10_000
_DKW = 2.17
OTHER = "(others)"
_TELLING = 1e-3


@dataclass(frozen=True, slots=True)
class Contrast:
    """`p`, and the `least` it could be at these sizes. `words`: what differs most. `size`: by how much, 0 to 1."""

    p: float
    least: float
    words: str
    size: float


def contrast(one: Sequence[Sample], other: Sequence[Sample]) -> Contrast | None:
    """Values that a field took in two versions' answers; None if one of them has none.

    Few different values are categories, each one's share compared; many numbers, or texts' lengths, are compared as
    distributions. Where both can be done, both are, and p is twice the smaller.
    """
    if not one or not other:
        return None
    numbers = _numbers(one), _numbers(other)
    few = len({*one, *other}) <= MOST_CATEGORIES
    is_numeric = numbers[0] is not None and numbers[1] is not None
    found = []
    if few or not is_numeric:
        found.append(categories(Counter(map(_name, one)), Counter(map(_name, other))))
    if numbers[0] is not None and numbers[1] is not None:
        found.append(quantities(Counter(numbers[0]), Counter(numbers[1])))
    elif not few:
        found.append(quantities(_lengths(one), _lengths(other), "length "))
    best = min(found, key=lambda each: (each.p, each.least))
    least = min(each.least for each in found)
    return Contrast(min(1.0, len(found) * best.p), min(1.0, len(found) * least), best.words, best.size)


def _numbers(samples: Sequence[Sample]) -> list[float] | None:
    """None if one of them is none. A header's `12` and a JSON field's "12" are numbers, too."""
    try:
        numbers = [float(sample) for sample in samples]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _name(sample: Sample) -> str:
    return f"{sample:g}" if isinstance(sample, float) else sample


def _lengths(samples: Sequence[Sample]) -> Counter[float]:
    return Counter(float(len(_name(sample))) for sample in samples)


def categories(one: Mapping[str, int], other: Mapping[str, int]) -> Contrast:
    """Each value's share against the other side's, by Fisher's exact test; p is corrected for looking at all of them.

    Chi-square and G would be quicker, and wrong where it matters: with few of a kind, and at the small levels that many
    fields ask for.
    """
    tables = _tables(one, other)
    ps = {name: differs(*table) for name, table in tables.items()}
    name = min(ps, key=lambda each: (ps[each], each))
    here, there = tables[name]
    least = min(least_differing(*table) for table in tables.values())
    words = f"{name}: {here.share:.1%} against {there.share:.1%}"
    size = abs(here.share - there.share)
    return Contrast(min(1.0, ps[name] * len(tables)), min(1.0, least * len(tables)), words, size)


def _tables(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, tuple[Count, Count]]:
    """Value to both counts, for those that are often enough to show something; the others count as one.

    Which ones that are depends on both sides' totals alone (R. E. Tarone, Biometrics 46, 1990).
    """
    n, m = sum(one.values()), sum(other.values())
    together = Counter(one) + Counter(other)
    ranked = sorted(together, key=lambda name: (-together[name], name))[: MOST_CATEGORIES - 1]
    tables = {name: (Count(one.get(name, 0), n), Count(other.get(name, 0), m)) for name in ranked}
    telling = {name: table for name, table in tables.items() if least_differing(*table) <= _TELLING}
    rest = n - sum(a.hits for a, _ in telling.values()), m - sum(b.hits for _, b in telling.values())
    return telling | ({OTHER: (Count(rest[0], n), Count(rest[1], m))} if any(rest) else {})


def quantities(one: Mapping[float, int], other: Mapping[float, int], of: str = "") -> Contrast:
    """Two samples of numbers, as counts by value: the two-sample Kolmogorov-Smirnov test, two-sided.

    With ties, p is larger than it need be, never smaller.
    """
    n, m = sum(one.values()), sum(other.values())
    distance = _distance(one, other)
    words = f"{of}median {quantile(one, 0.5):g} against {quantile(other, 0.5):g}"
    return Contrast(kolmogorov_smirnov(distance, n, m), _least(n, m), words, distance)


def quantile(counts: Mapping[float, int], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    wanted, seen = share * sum(counts.values()), 0
    for value, count in sorted(counts.items()):
        seen += count
        if seen >= wanted:
            return value
    return math.nan


def _distance(one: Mapping[float, int], other: Mapping[float, int]) -> float:
    """The largest difference between the shares of values up to any bound."""
    n, m = sum(one.values()), sum(other.values())
    a = b = farthest = 0
    for value in sorted({*one, *other}):
        a += one.get(value, 0)
        b += other.get(value, 0)
        farthest = max(farthest, abs(a * m - b * n))
    return farthest / (n * m)


def kolmogorov_smirnov(distance: float, n: int, m: int) -> float:
    """P(D >= distance) for samples of n and m from one continuous distribution.

    Exact by counting the orders in which both may be mixed (J. L. Hodges, Ark. Mat. 3, 1958), each step's chance given
    where it leads; beyond a hundred of each, which takes long, the bound 2.17·exp(-2·D²·nm/(n+m)) of F. Wei and
    R. M. Dudley (Stat. Probab. Lett. 82, 2012).
    """
    if distance <= 0:
        return 1.0
    if n * m > _MOST_STEPS:
        return min(1.0, _DKW * math.exp(-2 * distance * distance * n * m / (n + m)))
    far = round(distance * n * m)  # in whole steps: nothing is lost to rounding
    row = [1.0 if j * n >= far else 0.0 for j in range(m + 1)]
    for i in range(1, n + 1):
        row[0] = 1.0 if row[0] or i * m >= far else 0.0
        for j in range(1, m + 1):
            is_far = abs(i * m - j * n) >= far
            row[j] = 1.0 if is_far else (i * row[j] + j * row[j - 1]) / (i + j)
    return row[m]


def _least(n: int, m: int) -> float:
    """All of one sample below all of the other."""
    return min(1.0, 2 * math.exp(math.lgamma(n + 1) + math.lgamma(m + 1) - math.lgamma(n + m + 1)))


def samples_needed(distance: float, ratio: float, level: float, power: float, most: int) -> int | None:
    """About how many values of the candidate it takes to find distributions this far apart (0 to 1).

    `ratio`: baseline's values per candidate's; `most`: how many of each side are kept, so that from there on only
    baseline's add anything. None: never. At the place where they are farthest apart, the distance is spread by at most
    half of √(1/n + 1/m).
    """
    critical = math.sqrt(-math.log(level / _DKW) / 2)
    effective = ((critical + NormalDist().inv_cdf(power) / 2) / distance) ** 2  # nm/(n+m)
    if not ratio or effective >= most / 2:
        return None
    values = effective * (1 + ratio) / ratio
    return math.ceil(values if values <= most else effective * most / (most - effective) / ratio)
