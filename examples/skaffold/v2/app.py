"""Answers with its version."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "v2"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        body = f"{VERSION}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: `turnout status` counts the requests."""


def address() -> tuple[str, int]:
    """In a pod of a cluster calls come in through the pod's own address; on a laptop nobody else should get in."""
    host = "0.0.0.0" if "KUBERNETES_SERVICE_HOST" in os.environ else "127.0.0.1"
    return host, int(os.environ.get("PORT", "8080"))


if __name__ == "__main__":
    ThreadingHTTPServer(address(), Answer).serve_forever()
