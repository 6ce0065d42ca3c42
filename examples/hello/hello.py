"""Answers with its version. `SLEEP_MS` makes it slow, `FAIL` answers 500: a bad second version to play with."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = os.environ.get("VERSION", "v1")
SLEEP_SECONDS = float(os.environ.get("SLEEP_MS", "0")) / 1000
STATUS = 500 if os.environ.get("FAIL") else 200


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        time.sleep(SLEEP_SECONDS)
        body = f"hello from {VERSION}\n".encode()
        self.send_response(STATUS)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: `turnout status` counts the requests."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Hello).serve_forever()
