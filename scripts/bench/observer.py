"""Who watches the gateway from outside, as a process of its own: it writes down when another version answers.

Run with a port, a host and a header's name, it sends one request after another, half a millisecond apart, on a few
connections in turn (each may be with another worker thread of the proxy), and prints a line at each change:
`<version> <time.monotonic()>`. The clock is the machine's, so that it can be compared with that of whoever shifts.
"""

from __future__ import annotations

import socket
import sys
import time

PAUSE_SECONDS = 0.0005
CONNECTIONS = 4
TIMEOUT_SECONDS = 5.0


def watch(port: int, host: str, header: str) -> None:
    """Until killed, or the gateway is gone."""
    request = f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    connections = [socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    last = ""
    while True:
        for connection in connections:
            connection.sendall(request)
            version = _version(_answer(connection), header)
            if version != last:
                print(version, time.monotonic(), flush=True)
                last = version
            time.sleep(PAUSE_SECONDS)


def _answer(connection: socket.socket) -> bytes:
    """The answers are small, but nothing says that they come in one piece."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer) < _whole(answer):
        part = connection.recv(65536)
        if not part:
            raise SystemExit("the gateway hung up")
        answer += part
    return answer


def _whole(answer: bytes) -> int:
    head, _, _ = answer.partition(b"\r\n\r\n")
    return len(head) + 4 + int(_header(head, "content-length") or 0)


def _version(answer: bytes, header: str) -> str:
    head, _, _ = answer.partition(b"\r\n\r\n")
    return _header(head, header) or f"status-{answer[9:12].decode()}"


def _header(head: bytes, name: str) -> str:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.decode("latin-1").lower() == name:
            return value.strip().decode("latin-1")
    return ""


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2], sys.argv[3])
