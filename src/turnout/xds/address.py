"""Addresses of unix sockets: a path that is too long cannot be bound, and the system's message does not say so."""

from __future__ import annotations

import sys
from pathlib import Path

from turnout.error import EnvoyFailed

PATH_BYTES = 103 if sys.platform == "darwin" else 107
"""What fits into `sockaddr_un`, its closing zero left out."""


def socket_path(path: Path) -> str:
    """The path as an absolute address. Raises EnvoyFailed if no socket can have it."""
    address = str(path.absolute())
    length = len(address.encode())
    if length > PATH_BYTES:
        message = f"the socket path {address} has {length} bytes; the system allows {PATH_BYTES}"
        raise EnvoyFailed(message, "keep sockets in a folder with a shorter path, such as $XDG_RUNTIME_DIR")
    return address
