"""The load generator: HTTP/1.1 requests in a closed or an open loop, summed up as siege does."""

from __future__ import annotations

from turnout.load.load import Load, run
from turnout.load.plan import Plan
from turnout.load.progress import Progress
from turnout.load.report import Latency, Report, VersionRow

__all__ = ["Latency", "Load", "Plan", "Progress", "Report", "VersionRow", "run"]
