"""Certificates for tests, made when they are needed, and clients that trust them."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme


def secret(name: str, data: Mapping[str, str], namespace: str = "default") -> str:
    """A Secret as a manifest."""
    lines = "".join(f"  {key}: {base64.b64encode(value.encode()).decode()}\n" for key, value in data.items())
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata:\n{lines}"


def pair(certificate: trustme.LeafCert) -> dict[str, str]:
    """What a Secret of type kubernetes.io/tls holds."""
    chain = "".join(blob.bytes().decode() for blob in certificate.cert_chain_pems)
    return {"tls.crt": chain, "tls.key": certificate.private_key_pem.bytes().decode()}


def authority(ca: trustme.CA) -> str:
    return ca.cert_pem.bytes().decode()


@dataclass
class Seen:
    """What a client got, and of whom. `names`: of the server's certificate."""

    status: int
    headers: dict[str, str]
    body: str
    names: list[str] = field(default_factory=list)
    protocol: str = ""
    version: str = ""
    serial: str = ""


def trusting(ca: trustme.CA, shows: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """A client that believes the authority, and shows a certificate of its own if it has one."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if shows:
        shows.configure_cert(context)
    return context


async def get(port: int, host: str, client: ssl.SSLContext, path: str = "/", *, sni: str = "") -> Seen:
    """Raises OSError (ssl.SSLError among them) where there is no handshake."""
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=sni or host), 5
    )
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip("\r\n").split("\r\n")
            body = (await reader.read()).decode()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        tls = writer.get_extra_info("ssl_object")
        shown = tls.getpeercert() or {}
        names = [value for _, value in shown.get("subjectAltName", ())]
        serial = shown.get("serialNumber", "")
        return Seen(
            int(start.split()[1]), headers, body, names, tls.selected_alpn_protocol() or "", tls.version(), serial
        )
    finally:
        writer.close()


@asynccontextmanager
async def connected(port: int, host: str, client: ssl.SSLContext) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """One connection; each call is a request over it, and gives its status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=host)

    async def ask() -> int:
        writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.split("content-length:")[1].split()[0]))
        assert "connection: close" not in head
        return int(head.split()[1])

    try:
        yield ask
    finally:
        writer.close()


async def agreed(port: int, host: str, client: ssl.SSLContext) -> str:
    """The protocol that client and server agree on."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=host)
    writer.close()
    return str(writer.get_extra_info("ssl_object").selected_alpn_protocol())


def serving(certificate: trustme.LeafCert, believes: trustme.CA | None = None) -> ssl.SSLContext:
    """A server; it wants a certificate of its clients if it `believes` somebody."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    if believes:
        believes.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
