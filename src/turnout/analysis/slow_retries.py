"""Retries that the timeout of the whole does not leave room for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.problem import Problem
from turnout.resources.codes import problem


def slow_retries(inventory: Inventory) -> Iterator[Problem]:
    """TNO309: retries that the timeout of the whole does not leave room for. Pauses between them come on top."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            retries, whole = http.retries, http.timeout
            each = retries.per_try_timeout if retries else None
            if retries is None or each is None or not whole:
                continue
            tries = retries.attempts + 1
            if retries.attempts > 0 and tries * each > whole:
                fit = whole // each
                message = (
                    f"{tries} tries of {_seconds(each)} do not fit into the timeout of {_seconds(whole)}: "
                    f"{'no try' if not fit else f'only {fit}'} can take its time"
                )
                hint = f"raise timeout to {_seconds(tries * each)}, or lower perTryTimeout or attempts"
                yield problem("TNO309", where(owner, f"spec.http[{index}].retries"), message, hint)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}s"
