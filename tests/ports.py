"""Ports for what tests start."""

from __future__ import annotations

from turnout.workloads.ports import Ports


def free_port() -> int:
    """One that nobody listens on now, and that no outgoing connection can take before whoever it is for does."""
    return Ports().take()
