"""The one in the middle: it asks recommendation, whichever version answers."""

from __future__ import annotations

import os

from http1 import Client, Request, Response, ServerConnection, serve

RECOMMENDATION = os.environ.get("RECOMMENDATION_URL", "http://recommendation:8080/")
client = Client()


async def handle(request: Request, _: ServerConnection) -> Response:
    if request.path == "/healthz":
        return Response()
    answer = await client.get(RECOMMENDATION, request.passed_on())
    return answer.passed_on("preference")


if __name__ == "__main__":
    serve(handle)
