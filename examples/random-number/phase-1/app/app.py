"""Generates a random number a random number of times, and takes its time over each."""

from __future__ import annotations

import random
import time
from typing import Any

from flask import Flask
from serve import serve

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> dict[str, Any]:
    return {"status": "ok"}


@app.get("/")
def root() -> dict[str, Any]:
    started = time.monotonic()
    num_requests = random.randint(0, 50)
    responses = [random_number() for _ in range(num_requests)]
    return {
        "location": "/",
        "num_requests": num_requests,
        "responses": responses,
        "time": round(time.monotonic() - started, 3),
    }


def random_number() -> dict[str, Any]:
    time.sleep(random.randint(0, 1))  # stands for whatever makes the old code slow
    return {"number": random.randint(0, 9999)}


if __name__ == "__main__":
    serve(app)
