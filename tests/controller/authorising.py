"""An API behind somebody who allows what a controller's rules say, refuses all else as Kubernetes does, and takes down
which rule was used."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Rule = Mapping[str, Any]
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<sub>status|scale|proxy))?"
)
_DISCOVERY = re.compile(r"/apis/[^/]+/[^/]+")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Asked:
    """As RBAC sees a request: kubernetes.io/docs/reference/access-authn-authz/authorization."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str


def asked(method: str, target: str) -> Asked | None:
    """None: of no resource."""
    url = urlsplit(target)
    found = _PATH.fullmatch(url.path)
    if found is None:
        return None
    reading = "get" if found["name"] else "watch" if "watch" in parse_qs(url.query) else "list"
    resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
    verb = reading if method == "GET" else _VERBS[method]
    return Asked(verb, found["group"] or "", resource, found["namespace"] or "", found["name"] or "")


def allows(rule: Rule, one: Asked) -> bool:
    """A name in a rule allows nothing of a request that has none, as a `create`."""
    named = "resourceNames" not in rule or one.name in rule["resourceNames"]
    fits = one.group in rule["apiGroups"] and one.resource in rule["resources"] and one.verb in rule["verbs"]
    return bool(fits and named)


@dataclass
class Rights:
    """`own`: rules of a Role in `namespace`; `everywhere`: of a ClusterRole."""

    namespace: str
    own: Sequence[Rule]
    everywhere: Sequence[Rule] = ()
    down: bool = False
    """Whether nobody answers."""
    unknown: str = ""
    """A group that the API does not have."""
    used: set[tuple[str, str]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    def knows(self, target: str) -> bool:
        """As Kubernetes, asked after what is allowed: who may not use the group is told that."""
        return not (self.unknown and target.startswith(f"/apis/{self.unknown}/"))

    def allow(self, method: str, target: str) -> bool:
        one = asked(method, target)
        if method == "GET" and _DISCOVERY.fullmatch(urlsplit(target).path):  # `system:discovery` is everybody's
            return True
        rules = [*self.everywhere, *(self.own if one and one.namespace == self.namespace else ())]
        if one is None or not any(allows(rule, one) for rule in rules):
            self.refused.append(f"{method} {target}")
            return False
        self.used.add((f"{one.group}/{one.resource}", one.verb))
        return True

    @property
    def granted(self) -> set[tuple[str, str]]:
        """All pairs of resource and verb."""
        return {
            (f"{group}/{resource}", verb)
            for rule in (*self.own, *self.everywhere)
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }


@contextmanager
def authorising(port: int, rights: Rights) -> Iterator[int]:
    """Its own port; `port`: of the API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if rights.down:
                self.close_connection = True
                return
            if not rights.allow(self.command, self.path):
                status = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": f"{self.path} is forbidden"}
                self._answer(403, json.dumps(status).encode())
                return
            if not rights.knows(self.path):
                self._answer(404, b"404 page not found\n")
                return
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                connection.request(self.command, self.path, body or None, headers)
                response = connection.getresponse()
                self._answer(response.status, response.read())
            finally:
                connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - as http.server calls them

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server calls it
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
