"""Which answers count as failed."""

from __future__ import annotations

from collections.abc import Sequence

NO_ANSWER = "0"
"""Istio's code of a request that ended without one."""


def is_bad(code: str, codes: Sequence[str]) -> bool:
    """`codes`: what counts besides 5xx and no answer: `4xx`, `429`."""
    kinds = ("5xx", *codes)
    return code == NO_ANSWER or code in kinds or f"{code[:1]}xx" in kinds
