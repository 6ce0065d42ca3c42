"""What a user of a cluster shows at the door: tokens and certificates, some of which a program has to be asked for."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from turnout.client.kubeconfig import Access, Plugin
from turnout.error import ClusterFailed

PLUGIN_SECONDS: Final = 300
"""A plugin may have somebody log in, in a browser."""


@dataclass(frozen=True, slots=True)
class Credential:
    """`expires`: when to ask for another; None: never."""

    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    expires: datetime | None = None


def present(access: Access) -> Credential:
    """What there is now. Runs the user's plugin, if there is one. Raises ClusterFailed."""
    user = access.user
    if user.plugin is not None:
        return _credential(user.plugin, _asked(user.plugin, access))
    token = user.token
    if user.token_file is not None:
        try:
            token = user.token_file.read_text().strip()
        except OSError as error:
            raise ClusterFailed(f"cannot read the token in {user.token_file}: {error.strerror}") from error
    return Credential(token, user.certificate, user.key)


def authorization(credential: Credential, username: str, password: str) -> str:
    """The header's value; empty where certificates, or nothing, speak for the user."""
    if credential.token:
        return f"Bearer {credential.token}"
    if username:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return ""


def _asked(plugin: Plugin, access: Access) -> str:
    """What it prints: client.authentication.k8s.io, ExecCredential."""
    info = {
        "apiVersion": plugin.api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": plugin.interactive and sys.stdin.isatty(), **_cluster(plugin, access)},
    }
    try:
        ended = subprocess.run(
            [plugin.command, *plugin.args],
            env={**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=None if plugin.interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=PLUGIN_SECONDS,
            check=True,
        )
    except FileNotFoundError as error:
        raise ClusterFailed(f"{plugin.command} is not installed", plugin.install_hint or None) from error
    except OSError as error:
        raise ClusterFailed(f"cannot run {plugin.command}: {error.strerror}", plugin.install_hint or None) from error
    except subprocess.SubprocessError as error:
        raise ClusterFailed(f"{plugin.command} gave no credentials: {_ending(error)}") from error
    return ended.stdout.decode(errors="replace")


def _ending(error: subprocess.SubprocessError) -> str:
    """Without its arguments, in which secrets may stand."""
    match error:
        case subprocess.CalledProcessError():
            return f"exit status {error.returncode}"
        case subprocess.TimeoutExpired():
            return f"nothing within {PLUGIN_SECONDS} s"
        case _:
            return type(error).__name__


def _cluster(plugin: Plugin, access: Access) -> dict[str, Any]:
    if not plugin.wants_cluster:
        return {}
    authority = base64.b64encode(access.authority).decode()
    return {
        "cluster": {
            "server": access.server,
            "certificate-authority-data": authority,
            "insecure-skip-tls-verify": not access.verifies,
            "tls-server-name": access.server_name,
        }
    }


def _credential(plugin: Plugin, printed: str) -> Credential:
    try:
        status: Mapping[str, Any] = json.loads(printed)["status"]
        expires = status.get("expirationTimestamp")
        return Credential(
            str(status.get("token") or ""),
            str(status.get("clientCertificateData") or "").encode(),
            str(status.get("clientKeyData") or "").encode(),
            datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ClusterFailed(f"{plugin.command} printed no ExecCredential with a status") from error
