"""The first of the three: what users reach. It asks preference, and says so."""

from __future__ import annotations

import os

from http1 import Client, Request, Response, ServerConnection, serve

PREFERENCE = os.environ.get("PREFERENCE_URL", "http://preference:8080/")
client = Client()


async def handle(request: Request, _: ServerConnection) -> Response:
    if request.path == "/healthz":
        return Response()
    answer = await client.get(PREFERENCE, request.passed_on())
    return answer.passed_on("customer")


if __name__ == "__main__":
    serve(handle)
