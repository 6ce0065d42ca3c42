"""What a cluster's API server is to a client, in front of a Turnout's API and a Prometheus.

TLS with a certificate of its own authority, and users who show one too. Kubernetes' paths lead to Turnout's API; what
only Turnout has is refused, so that nobody who comes this way can live on it; and Prometheus stands behind the proxy of
its service in `istio-system`.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from tests.controller.authorising import Rights

from turnout.client.state import read_address

PROMETHEUS = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "prometheus", "namespace": "istio-system", "labels": {"app.kubernetes.io/name": "prometheus"}},
    "spec": {"ports": [{"name": "http", "port": 9090}]},
}
SERVICES = "/api/v1/namespaces/istio-system/services"
PROXY = f"{SERVICES}/http:prometheus:9090/proxy"
REJECTED = {
    "kind": "Status",
    "code": 422,
    "reason": "Invalid",
    "message": "the server rejected our request due to an error in our request",
}
"""What Kubernetes says to a JSON patch whose `test` fails: not that somebody else was faster."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes


@dataclass(slots=True)
class Front:
    """Allows what `rights` say, and refuses all else. `plain_istio`: nobody writes a status into Istio's objects."""

    state: Path
    rights: Rights
    prometheus_port: int = 0
    plain_istio: bool = False
    requests: list[Request] = field(default_factory=list)

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Path]:
        """While the block runs; the kubeconfig that leads there."""
        authority = trustme.CA()
        handler = type("Handler", (_Handler,), {"front": self, **{f"do_{m}": _Handler.handle_any for m in METHODS}})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield _kubeconfig(folder, server.server_address[1], authority)
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)


def _kubeconfig(folder: Path, port: int, authority: trustme.CA) -> Path:
    folder.mkdir(exist_ok=True)
    user = authority.issue_cert("somebody@example.com")
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    user.cert_chain_pems[0].write_to_path(str(folder / "user.crt"))
    user.private_key_pem.write_to_path(str(folder / "user.key"))
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [
            {"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority": "ca.crt"}}
        ],
        "users": [{"name": "u", "user": {"client-certificate": "user.crt", "client-key": "user.key"}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
    }
    path = folder / "config"
    path.write_text(json.dumps(config))
    return path


class _Handler(BaseHTTPRequestHandler):
    front: Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        front, path = self.front, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        front.requests.append(Request(self.command, self.path, body))
        proxied = path.startswith(PROXY)
        if not front.rights.allow(self.command, PROXY if proxied else self.path):
            self._answer(403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": f"no {self.path}"})
        elif proxied:
            self._pass_on("127.0.0.1", front.prometheus_port, self.path.removeprefix(PROXY), body, {})
        elif path == SERVICES:
            items = [PROMETHEUS] if front.prometheus_port else []
            self._answer(200, {"kind": "ServiceList", "apiVersion": "v1", "metadata": {}, "items": items})
        else:
            address = read_address(front.state)
            headers = {"Authorization": f"Bearer {address.token}", "Content-Type": self.headers.get("content-type", "")}
            self._pass_on(address.host, address.port, self.path, body, headers)

    def _pass_on(self, host: str, port: int, path: str, body: bytes, headers: dict[str, str]) -> None:
        with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
            connection.request(self.command, path, body or None, {k: v for k, v in headers.items() if v})
            response = connection.getresponse()
            plain, watches = self.front.plain_istio and "/virtualservices" in path, "watch=" in path
            if response.status == 409 and self.command == "PATCH":
                self._answer(422, REJECTED)
            elif response.status == 200 and not watches and (plain or path.startswith(("/api/v1/", "/apis/apps/"))):
                found = json.loads(response.read())
                self._answer(200, _without_status(found) if plain else _terse(found))
            else:
                self._relay(response)

    def _relay(self, response: http.client.HTTPResponse) -> None:
        """As it comes: a watch has no end."""
        self.send_response(response.status)
        for name in ("content-type", "warning"):
            for value in response.headers.get_all(name, []):
                self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while piece := response.read1(1 << 16):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing."""


def _terse(body: dict[str, Any]) -> dict[str, Any]:
    """Of a list of Kubernetes' own kinds, the items do not say what they are."""
    for obj in body.get("items", ()):
        obj.pop("apiVersion", None)
        obj.pop("kind", None)
    return body


def _without_status(body: dict[str, Any]) -> dict[str, Any]:
    """Of an object, or of each of a list."""
    for obj in body.get("items", [body]):
        obj.pop("status", None)
    return body
