"""What opens the dashboard: derived from the API's token, with no way back to it.

The link stands in browser histories and terminals, so it opens the dashboard and nothing else; and it is not what the
cookie holds, so that a cookie cannot be read off a screen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def link(url: str, token: str) -> str:
    """What `turnout dashboard` prints: `url` (`http://127.0.0.1:<port>`) with its secret."""
    return f"{url}/?token={link_secret(token)}"


def link_secret(token: str) -> str:
    return _derived(token, b"turnout dashboard link")


def cookie_secret(token: str) -> str:
    return _derived(token, b"turnout dashboard cookie")


def _derived(token: str, purpose: bytes) -> str:
    digest = hmac.digest(token.encode(), purpose, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
