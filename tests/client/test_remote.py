"""The door of a cluster: TLS, certificates, tokens and plugins, against a server that looks at what it is shown."""

from __future__ import annotations

import json
import ssl
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from turnout.client import Client
from turnout.client.kubeconfig import Access, Plugin, User
from turnout.client.remote import Remote
from turnout.error import ClusterFailed


@dataclass(slots=True)
class Cluster:
    """Answers every GET with what it was shown; 401 to a bearer's token that is in `stale`."""

    authority: trustme.CA
    port: int = 0
    shown: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    stale: set[str] = field(default_factory=set)

    def access(self, scheme: str = "https", **more: Any) -> Access:
        given = {"server": f"{scheme}://127.0.0.1:{self.port}", "authority": self.authority.cert_pem.bytes(), **more}
        return Access("prod", **given)


@contextmanager
def serving(cluster: Cluster, *, tls: bool = True, name: str = "127.0.0.1", asks: bool = False) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            cluster.connections += 1
            super().setup()

        def do_GET(self) -> None:
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            cluster.shown.append({**dict(self.headers.items()), "path": self.path})
            peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            status = {"code": 401, "reason": "Unauthorized", "message": "who are you?"}
            code, body = (401, status) if token in cluster.stale else (200, {"peer": bool(peer), "items": []})
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cluster.authority.issue_cert(name).configure_cert(context)
        if asks:
            cluster.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # handshakes that are meant to fail
    cluster.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


Start = Callable[..., Cluster]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def run(**how: Any) -> Cluster:
            cluster = Cluster(trustme.CA())
            stack.enter_context(serving(cluster, **how))
            return cluster

        yield run


def ask(access: Access, times: int = 1) -> Any:
    with Client.through(Remote(access), 10) as client:
        return [client.read("/version") for _ in range(times)][-1]


def test_a_token_goes_over_one_verified_connection(start: Start) -> None:
    cluster = start()

    ask(cluster.access(user=User(token="t")), times=3)

    assert [each["Authorization"] for each in cluster.shown] == ["Bearer t"] * 3
    assert cluster.connections == 1


def test_a_certificate_speaks_for_its_user(start: Start) -> None:
    cluster = start(asks=True)
    user = cluster.authority.issue_cert("somebody@example.com")
    certificate, key = user.cert_chain_pems[0].bytes(), user.private_key_pem.bytes()

    assert ask(cluster.access(user=User(certificate=certificate, key=key)))["peer"]
    with pytest.raises(ClusterFailed, match="cannot be asked"):
        ask(cluster.access())


def test_a_stranger_in_the_clusters_place_gets_nothing(start: Start) -> None:
    cluster = start()
    other = trustme.CA().cert_pem.bytes()

    with pytest.raises(ClusterFailed, match="certificate verify failed"):
        ask(cluster.access(authority=other, user=User(token="t")))
    assert not cluster.shown


def test_a_certificate_for_another_name_is_accepted_where_the_kubeconfig_names_it(start: Start) -> None:
    cluster = start(name="kubernetes.internal")

    with pytest.raises(ClusterFailed, match="certificate verify failed"):
        ask(cluster.access())
    ask(cluster.access(server_name="kubernetes.internal"))
    ask(cluster.access(verifies=False))


def test_a_path_in_the_servers_address_stands_before_every_other(start: Start) -> None:
    cluster = start()
    access = cluster.access(server=f"https://127.0.0.1:{cluster.port}/k8s/clusters/c-1/")

    ask(access)

    assert cluster.shown[0]["path"] == "/k8s/clusters/c-1/version"


def test_user_and_password_go_too_also_where_they_stand_in_the_address(start: Start) -> None:
    cluster = start(tls=False)

    ask(cluster.access("http", user=User(username="u", password="p")))
    ask(cluster.access(server=f"http://u:p@127.0.0.1:{cluster.port}"))

    assert {each["Authorization"] for each in cluster.shown} == {"Basic dTpw"}


def test_a_tokens_file_is_read_again_when_its_token_is_refused(start: Start, tmp_path: Path) -> None:
    cluster, file = start(), tmp_path / "token"
    file.write_text("old\n")
    with Client.through(Remote(cluster.access(user=User(token_file=file))), 10) as client:
        client.read("/version")
        cluster.stale.add("old")
        file.write_text("new\n")
        client.read("/version")

    assert [each["Authorization"] for each in cluster.shown] == ["Bearer old", "Bearer old", "Bearer new"]


def test_who_is_refused_for_good_is_told_so(start: Start) -> None:
    cluster = start()
    cluster.stale.add("t")

    with pytest.raises(ClusterFailed, match="does not let you in: who are you"):
        ask(cluster.access(user=User(token="t")))


# --- plugins


def plugin(folder: Path, body: str, **more: Any) -> Plugin:
    """A program that runs `body`, in which `n` says how often it has run."""
    count = folder / "count"
    text = f"""#!{sys.executable}
import json, os, pathlib
count = pathlib.Path({str(count)!r})
n = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(n))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
{body}
"""
    program = folder / "login"
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Plugin(str(program), **more)


TOKEN = 'print(json.dumps({"status": {"token": f"token-{n}-" + os.environ["PROFILE"]}}))'


def test_a_plugin_is_asked_once_and_again_when_its_token_is_refused(start: Start, tmp_path: Path) -> None:
    cluster = start()
    cluster.stale.add("token-1-prod")
    user = User(plugin=plugin(tmp_path, TOKEN, env={"PROFILE": "prod"}))

    ask(cluster.access(user=user), times=3)

    assert [each["Authorization"] for each in cluster.shown] == [f"Bearer token-{n}-prod" for n in (1, 2, 2, 2)]


def test_a_token_that_ends_soon_is_fetched_anew(start: Start, tmp_path: Path) -> None:
    cluster = start()
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat().replace("+00:00", "Z")
    status = f'{{"token": str(n), "expirationTimestamp": "{soon}"}}'

    ask(cluster.access(user=User(plugin=plugin(tmp_path, f'print(json.dumps({{"status": {status}}}))'))), times=2)

    tokens = [each["Authorization"] for each in cluster.shown]
    assert len(set(tokens)) == 2


def test_a_plugin_may_give_a_certificate_and_be_told_of_the_cluster(start: Start, tmp_path: Path) -> None:
    cluster = start(asks=True)
    user = cluster.authority.issue_cert("somebody@example.com")
    pems = {"clientCertificateData": user.cert_chain_pems[0].bytes().decode()}
    pems["clientKeyData"] = user.private_key_pem.bytes().decode()
    body = f"assert info['spec']['cluster']['server'].startswith('https')\nprint(json.dumps({{'status': {pems!r}}}))"

    assert ask(cluster.access(user=User(plugin=plugin(tmp_path, body, wants_cluster=True))))["peer"]


@pytest.mark.parametrize(
    ("body", "message"),
    [("raise SystemExit(3)", "exit status 3"), ("print('hello')", "no ExecCredential"), ("print('{}')", "no Exec")],
)
def test_a_plugin_that_fails_is_named(start: Start, tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(ClusterFailed, match=message):
        ask(start().access(user=User(plugin=plugin(tmp_path, body))))


def test_a_plugin_that_is_not_there_is_named_with_its_hint(start: Start) -> None:
    with pytest.raises(ClusterFailed, match="is not installed") as raised:
        ask(start().access(user=User(plugin=Plugin("no-such-login", install_hint="brew install it"))))
    assert raised.value.hint == "brew install it"


# --- what makes no sense


@pytest.mark.parametrize("server", ["ftp://a", "https://", "https://a:b"])
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(ClusterFailed, match="its server is no address"):
        Remote(Access("prod", server))


def test_certificates_that_are_none_are_refused() -> None:
    with pytest.raises(ClusterFailed, match="certificates cannot be used"):
        Client.through(Remote(Access("prod", "https://127.0.0.1:1", authority=b"nonsense")))


def test_nobody_there_is_said_with_the_context() -> None:
    with pytest.raises(ClusterFailed, match=r"127\.0\.0\.1:1 cannot be asked") as raised:
        Client.through(Remote(Access("prod", "https://127.0.0.1:1")))
    assert "context prod" in (raised.value.hint or "")
