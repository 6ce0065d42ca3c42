"""Generates a random number a random number of times: each one is a request to /random/number now."""

from __future__ import annotations

import os
import random
import time
from typing import Any

import requests
from flask import Flask
from serve import serve

# The name of this very service: who answers /random/number is decided outside, by whoever routes the traffic.
EXAMPLE_SERVICE = os.environ.get("EXAMPLE_SERVICE", "http://rewrite-app-with-istio")

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> dict[str, Any]:
    return {"status": "ok"}


@app.get("/")
def root() -> dict[str, Any]:
    started = time.monotonic()
    num_requests = random.randint(0, 50)
    # No timeout, no retry, no check of the status: an answer that is no JSON fails the whole request.
    responses = [requests.get(f"{EXAMPLE_SERVICE}/random/number").json() for _ in range(num_requests)]
    return {
        "location": "/",
        "num_requests": num_requests,
        "responses": responses,
        "time": round(time.monotonic() - started, 3),
    }


@app.get("/random/number")
def random_number() -> dict[str, Any]:
    time.sleep(random.randint(0, 1))  # as slow as before; only its place is new
    return {
        "location": "/random/number",
        "number": random.randint(0, 9999),
        "endpoint_version": "v1",
    }


if __name__ == "__main__":
    serve(app)
