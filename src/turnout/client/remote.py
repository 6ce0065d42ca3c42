"""The door of a cluster: TLS, credentials, a proxy on the way."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from turnout.client.credential import Credential, authorization, present
from turnout.client.kubeconfig import Access
from turnout.error import ClusterFailed, TurnoutError

RENEW_BEFORE: Final = timedelta(seconds=10)
"""A token that ends while a request is under way is no token."""


class Remote:
    """The API server that a kubeconfig's context names. `access`: the context."""

    def __init__(self, access: Access) -> None:
        """Raises ClusterFailed when the server's address makes no sense."""
        self.access = access
        self._url = urlsplit(access.server if "//" in access.server else f"https://{access.server}")
        try:
            sound = self._url.scheme in ("http", "https") and self._url.hostname and self._url.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ClusterFailed(f"context {access.name}: its server is no address")
        self._credential: Credential | None = None

    @property
    def prefix(self) -> str:
        return self._url.path.rstrip("/")

    def connection(self, timeout_seconds: float | None) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_seconds)
        proxy = self._proxy(host, port or http.client.HTTPS_PORT)
        opened = _Tls(
            proxy.hostname if proxy else host, proxy.port if proxy else port, timeout_seconds, self._context()
        )
        opened.server_name = self.access.server_name or host
        if proxy:
            opened.set_tunnel(host, port or http.client.HTTPS_PORT)
        return opened

    def headers(self) -> Mapping[str, str]:
        """A user and a password in the server's URL count too: kubectl sends them, also without TLS."""
        user = self.access.user
        username, password = user.username, user.password
        if not username and self._url.username:
            username, password = unquote(self._url.username), unquote(self._url.password or "")
        shown = authorization(self._shown(), username, password)
        return {**({"Authorization": shown} if shown else {}), **dict(user.pretends)}

    def renew(self) -> bool:
        """A plugin is asked again, a token's file read again; nobody else has more to say."""
        user = self.access.user
        if user.plugin is None and user.token_file is None:
            return False
        before, self._credential = self._credential, None
        return self._shown() != before

    def shut(self, why: str, *, refused: bool = False) -> TurnoutError:
        where = f"{self._url.hostname}:{self._url.port or http.client.HTTPS_PORT}"
        if refused:
            return ClusterFailed(f"{where} does not let you in: {why}", f"context {self.access.name}: log in again")
        return ClusterFailed(f"{where} cannot be asked: {why}", f"is the cluster of context {self.access.name} up?")

    def late(self, seconds: float) -> TurnoutError:
        return self.shut(f"no answer within {seconds:g} s")

    def _shown(self) -> Credential:
        expires = self._credential.expires if self._credential else None
        if self._credential is None or (expires and datetime.now(UTC) > expires - RENEW_BEFORE):
            self._credential = present(self.access)
        return self._credential

    def _proxy(self, host: str, port: int) -> SplitResult | None:
        """The kubeconfig's, else the environment's; none leads back to this machine."""
        if host in ("127.0.0.1", "::1", "localhost"):
            return None
        url = self.access.proxy_url
        if not url and not proxy_bypass(f"{host}:{port}"):
            url = getproxies().get("https", "")
        if not url:
            return None
        proxy = urlsplit(url)
        if proxy.scheme != "http" or not proxy.hostname:
            raise ClusterFailed(f"context {self.access.name}: only http:// proxies can be used", "not SOCKS")
        return proxy

    def _context(self) -> ssl.SSLContext:
        credential = self._shown()
        try:
            context = ssl.create_default_context(cadata=self.access.authority.decode() or None)
            # As Go has it: the certificates of many clusters lack an extension that newer Pythons insist on.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if not self.access.verifies:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if credential.certificate:
                _load(context, credential)
        except (ssl.SSLError, ValueError) as error:
            raise ClusterFailed(f"context {self.access.name}: its certificates cannot be used: {error}") from error
        return context


class _Tls(http.client.HTTPSConnection):
    """Its peer's certificate is for `server_name`."""

    server_name = ""

    def __init__(self, host: str | None, port: int | None, timeout: float | None, context: ssl.SSLContext) -> None:
        super().__init__(host or "", port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        plain: socket.socket = self.sock
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.server_name)


def _load(context: ssl.SSLContext, credential: Credential) -> None:
    """By way of a file that only the user can read, for a moment: OpenSSL takes them from nowhere else."""
    handle, name = tempfile.mkstemp(prefix="turnout-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(credential.certificate + b"\n" + credential.key)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink(missing_ok=True)
