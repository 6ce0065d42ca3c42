"""The dark launch in a folder of its own: its users, its candidate's bug, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from scripts.demo.folder import Folder, say

URL = "http://customer.test/"
SERVICE, STABLE, CANDIDATE = "recommendation", "version-v1", "version-v2"
ROLLOUT = "recommendation-v2"
RATE = 550
"""Requests per second, whatever the services do: what comes is to be 500 at least, each through all three services."""
REPLACED_SECONDS = 30.0
MANIFEST = "manifests/recommendation-v2.yaml"
FAULT = re.compile(r'(name: FAULT.*\n\s+value: )"(.*)"')


class Launch(Folder):
    """Methods raise StoryEnds."""

    @contextmanager
    def visited(self, rate: int = RATE) -> Iterator[dict[str, Any]]:
        """By users; when they are gone, the report of them is in what was yielded."""
        say(f"$ turnout load --rate {rate} -H 'accept: application/json' {URL} &")
        with self.users("--rate", str(rate), "-H", "accept: application/json", URL) as report:
            yield report

    def build(self, fault: str) -> None:
        """A build of version 2 is saved, with a bug or (empty) without; it is in service when this returns."""
        file = self.work / MANIFEST
        before = file.read_text()
        text, count = FAULT.subn(rf'\1"{fault}"', before)
        assert count == 1, f"{file} has one FAULT"
        if text != before:
            with self.replaced(ROLLOUT, REPLACED_SECONDS):
                say(f"{MANIFEST} is saved: FAULT={fault or '(none)'}")
                file.write_text(text)

    def answered(self) -> int:
        """How many requests of users version 2 has answered."""
        hops = self.status()["hops"]
        return sum(hop["requests"] for hop in hops if hop["subset"] == CANDIDATE and not hop["mirrored"])

    def compare(self) -> Mapping[str, Any]:
        """`turnout compare` as users type it, shown; returns what it says as JSON."""
        self.shown("compare", SERVICE, "--to", CANDIDATE, "--until-sure", "--for", "45s")
        found: Mapping[str, Any] = self.asked("compare", "report")
        return found

    def rollout(self) -> tuple[int, Mapping[str, Any]]:
        """`turnout rollout start`, shown until it ends; returns its exit status, and its history."""
        status = self.shown("rollout", "start", "rollout.yaml", "--follow")
        return status, self.asked("rollout", "history", ROLLOUT)
