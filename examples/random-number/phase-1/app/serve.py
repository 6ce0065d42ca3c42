"""Flask's own server, with a thread per connection, that lets running requests end when it is told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

# In a pod the sidecar comes in through the pod's own address; on a laptop nobody else should get in.
HOST = "0.0.0.0" if "KUBERNETES_SERVICE_HOST" in os.environ else "127.0.0.1"
PORT = int(os.environ.get("PORT", "8080"))


class Running:
    """How many requests are being answered; a connection that is merely kept open does not count."""

    def __init__(self) -> None:
        self.requests = 0
        self.changed = threading.Condition()

    def add(self, change: int) -> None:
        with self.changed:
            self.requests += change
            self.changed.notify_all()

    def wait_for_end(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.requests == 0)


running = Running()


class CountingHandler(WSGIRequestHandler):
    """Adds the request it answers to the running ones."""

    def run_wsgi(self) -> None:
        running.add(+1)
        try:
            super().run_wsgi()
        finally:
            running.add(-1)


def serve(app: Flask) -> None:
    """Answers requests until SIGTERM or Ctrl-C, then ends those that run. A second signal ends at once."""
    server = make_server(HOST, PORT, app, threaded=True, request_handler=CountingHandler)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        threading.Thread(target=server.shutdown).start()  # it waits for the loop below, so not in this thread

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stderr.write(f"listening on {HOST}:{PORT}\n")
    server.serve_forever(poll_interval=0.05)
    running.wait_for_end()
