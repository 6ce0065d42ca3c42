"""The file by which clients, kubectl among them, find the API and are let in."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.error import StateBroken


@dataclass(frozen=True, slots=True)
class Secure:
    """Where the API listens with TLS, and the certificate that it shows (PEM)."""

    url: str
    certificate: str


PLAIN = "turnout.dev/plain"
"""The extension of our cluster that says where the API listens without TLS: for the commands, which are here."""


def write(path: Path, url: str, token: str, secure: Secure | None = None) -> None:
    """Mode 0600, all at once, as JSON, which is YAML too. `url`: `http://127.0.0.1:<port>`.

    kubectl sends a user's token over HTTPS only. Without `secure` the token stands in the server's URL besides, since
    over plain HTTP kubectl does send the user and password that stand there. Raises StateBroken.
    """
    text = json.dumps(_config(url, token, secure), indent=2) + "\n"
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


def _config(url: str, token: str, secure: Secure | None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "turnout", "cluster": _cluster(url, token, secure)}],
        "users": [{"name": "turnout", "user": {"token": token}}],
        "contexts": [{"name": "turnout", "context": {"cluster": "turnout", "user": "turnout", "namespace": "default"}}],
        "current-context": "turnout",
    }


def _cluster(url: str, token: str, secure: Secure | None) -> dict[str, Any]:
    plain = {"extensions": [{"name": PLAIN, "extension": {"server": url}}]}
    if secure is None:
        scheme, _, address = url.partition("://")
        return {"server": f"{scheme}://turnout:{token}@{address}", **plain}
    authority = base64.b64encode(secure.certificate.encode()).decode()
    return {"server": secure.url, "certificate-authority-data": authority, **plain}
