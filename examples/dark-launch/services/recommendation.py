"""The one that has a new version. It counts what it answers, and which of that were copies (GET /count).

FAULT makes it misbehave: dead, hang, drip, reset, huge, to see that a candidate which gets copies only cannot hurt
anybody; errors, slow, changed, missing, html, to see them found. Health checks and /count are answered all the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from dataclasses import asdict, dataclass

from faults import FAULTS
from http1 import Request, Response, Server, ServerConnection
from mistakes import MISTAKES

VERSION = os.environ.get("VERSION", "v1")
POD = os.environ.get("POD_NAME", "localhost")
FAULT = os.environ.get("FAULT", "")
BOOK = {"book": "The Mythical Man-Month", "price": 39.95, "currency": "EUR"}


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
    if FAULT in FAULTS:
        await FAULTS[FAULT](server, connection)
        return None
    number = count.requests
    answer = recommended(request, number)
    return await MISTAKES[FAULT](answer, number) if FAULT else answer


def recommended(request: Request, number: int) -> Response:
    """As JSON for whoever asks for that, else in a line of text."""
    if "application/json" in request.headers.get("accept", ""):
        answer = {"version": VERSION, **BOOK, "id": secrets.token_hex(4)}
        return Response(body=json.dumps(answer).encode(), headers={"content-type": "application/json"})
    return Response(body=f"recommendation {VERSION} from {POD}: {number}\n".encode())


server = Server(handle)

if __name__ == "__main__":
    if FAULT and FAULT not in FAULTS | MISTAKES:
        raise SystemExit(f"FAULT={FAULT} is none of {', '.join([*FAULTS, *MISTAKES])}")
    asyncio.run(server.run())
