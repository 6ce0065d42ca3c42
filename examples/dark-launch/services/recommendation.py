"""The one that has a new version. It counts what it answers, and which of that were copies (GET /count).

FAULT makes it misbehave, to see that a candidate which gets copies only cannot hurt anybody:
dead, hang, drip, reset, huge. Health checks and /count are answered all the same.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass

from faults import FAULTS
from http1 import Request, Response, Server, ServerConnection

VERSION = os.environ.get("VERSION", "v1")
POD = os.environ.get("POD_NAME", "localhost")
FAULT = os.environ.get("FAULT", "")


@dataclass(slots=True)
class Count:
    requests: int = 0
    mirrored: int = 0

    def add(self, request: Request) -> None:
        self.requests += 1
        self.mirrored += is_copy(request)


def is_copy(request: Request) -> bool:
    """Turnout says it in a header; Istio appends -shadow to the host."""
    host = request.headers.get("host", "").partition(":")[0]
    return "x-turnout-mirror" in request.headers or host.endswith("-shadow")


count = Count()


async def handle(request: Request, connection: ServerConnection) -> Response | None:
    if request.path == "/healthz":
        return Response()
    if request.path == "/count":
        body = json.dumps({"version": VERSION} | asdict(count)).encode()
        return Response(body=body, headers={"content-type": "application/json"})
    count.add(request)
    if FAULT:
        await FAULTS[FAULT](server, connection)
        return None
    return Response(body=f"recommendation {VERSION} from {POD}: {count.requests}\n".encode())


server = Server(handle)

if __name__ == "__main__":
    if FAULT and FAULT not in FAULTS:
        raise SystemExit(f"FAULT={FAULT} is none of {', '.join(sorted(FAULTS))}")
    asyncio.run(server.run())
