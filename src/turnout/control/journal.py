"""What must survive a crash of Turnout's own: pods, Envoy, ports, and the steps that `undo` takes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from turnout.database import Records
from turnout.process import Identity
from turnout.workloads.journal import PodRecord

HISTORY_LIMIT = 200


class PodJournal:
    """Which process is which pod (`workloads.journal.Journal`)."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def save(self, record: PodRecord) -> None:
        self._records.put("pod", record.name, json.dumps(record.to_json()))

    def remove(self, name: str) -> None:
        self._records.remove("pod", name)

    def load(self) -> list[PodRecord]:
        return [PodRecord.from_json(json.loads(value)) for value in self._records.all("pod").values()]


class EnvoyRecord:
    """Which process is our Envoy."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def save(self, identity: Identity) -> None:
        self._records.put("envoy", "envoy", json.dumps({"pid": identity.pid, "started": identity.started}))

    def load(self) -> Identity | None:
        value = self._records.all("envoy").get("envoy")
        return Identity(**json.loads(value)) if value else None

    def clear(self) -> None:
        self._records.remove("envoy", "envoy")


class ChangeHistory:
    """What commands changed, the oldest first, so that each step can be taken back. Bounded."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Numbers the step and keeps it."""
        steps = self._records.all("history")
        number = max((int(name) for name in steps), default=0) + 1
        kept = {**step, "number": number}
        self._records.put("history", str(number), json.dumps(kept))
        for name in list(steps)[: len(steps) + 1 - HISTORY_LIMIT]:
            self._records.remove("history", name)
        return kept

    def mark_undone(self, number: int) -> None:
        value = self._records.all("history").get(str(number))
        if value is not None:
            self.replace({**json.loads(value), "undone": True})

    def replace(self, step: Mapping[str, Any]) -> None:
        """The step of the same number is this from now on."""
        self._records.put("history", str(step["number"]), json.dumps(step))

    def all(self) -> Sequence[dict[str, Any]]:
        return [json.loads(value) for value in self._records.all("history").values()]
