"""The file by which clients, kubectl among them, find the API and are let in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from turnout.error import StateBroken


def write(path: Path, server_url: str, token: str) -> None:
    """Mode 0600, all at once, as JSON, which is YAML too. `server_url`: `http://127.0.0.1:<port>`.

    The token is written twice: kubectl sends a user's token over HTTPS only, but over plain HTTP it does send the
    user and password that stand in the server's URL. Raises StateBroken.
    """
    text = json.dumps(_config(server_url, token), indent=2) + "\n"
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)  # one that somebody else made would keep its mode
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise StateBroken(
            f"cannot write {path}: {error.strerror}", "free some space or check the permissions"
        ) from error


def _config(server_url: str, token: str) -> dict[str, Any]:
    scheme, _, address = server_url.partition("://")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "turnout", "cluster": {"server": f"{scheme}://turnout:{token}@{address}"}}],
        "users": [{"name": "turnout", "user": {"token": token}}],
        "contexts": [{"name": "turnout", "context": {"cluster": "turnout", "user": "turnout", "namespace": "default"}}],
        "current-context": "turnout",
    }
