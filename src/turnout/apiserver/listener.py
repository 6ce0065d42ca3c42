"""A port on loopback, and who has it if it cannot be had."""

from __future__ import annotations

import errno
import socket

from turnout.error import PortTaken
from turnout.process import port_holder

MAX_CONNECTIONS = 1000


def listen(port: int) -> socket.socket:
    """Listens on 127.0.0.1:`port` (0: a free one); whoever connects waits until it is accepted. Raises PortTaken."""
    # The protocol is named because asyncio sets TCP_NODELAY only where it sees it; without, an answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # From here on clients may connect, though the first is answered when the server runs.
        listener.listen(MAX_CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise _taken(port, error) from error
    return listener


def _taken(port: int, error: OSError) -> PortTaken:
    if error.errno == errno.EACCES:
        return PortTaken(f"port {port} may not be used: {error.strerror}", "choose a port above 1023")
    holder = port_holder(port)
    return PortTaken(f"port {port} is taken" + (f" by {holder}" if holder else ""), "stop it, or choose another port")
