"""Kubeconfigs: which cluster, as whom, in which namespace.

Files are found and merged as kubectl does it: `--kubeconfig`, else every file that KUBECONFIG lists, else
`~/.kube/config`; of what several name the first one counts
(kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from turnout.error import ClusterFailed
from turnout.problem import errors
from turnout.resources.reader import read

VARIABLE: Final = "KUBECONFIG"
USUAL: Final = Path("~/.kube/config")
POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds what lets it in."""

PLUGIN_API: Final = "client.authentication.k8s.io/v1"

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that prints credentials; `command` with a slash in it is meant from the kubeconfig's folder."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    api_version: str = PLUGIN_API
    install_hint: str = ""
    wants_cluster: bool = False
    interactive: bool = True


@dataclass(frozen=True, slots=True)
class User:
    """Whatever lets somebody in; certificate and key are PEM. `pretends`: the headers of impersonation."""

    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    plugin: Plugin | None = None
    pretends: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """One context. `authority`: PEM, empty for those that the system trusts; `name`: what messages call it."""

    name: str
    server: str = field(repr=False)  # a password may stand in it
    namespace: str = "default"
    user: User = field(default_factory=User)
    authority: bytes = b""
    verifies: bool = True
    server_name: str = ""
    proxy_url: str = ""


def access(path: Path | None = None, context: str | None = None) -> Access:
    """Of a context (the current one, if none is named). Raises ClusterFailed."""
    files = list(_files(path))
    found = [_read(file) for file in files]
    if not found:
        raise ClusterFailed("there is no kubeconfig", f"name one with --kubeconfig, or in {VARIABLE}")
    name = context or next((str(each.current) for each in found if each.current), "")
    if not name:
        raise ClusterFailed(f"{_listed(files)} names no current context", "choose one with --context")
    return _access(name, found)


def in_cluster(folder: Path = POD) -> Access:
    """As the service account of the pod that this runs in. Raises ClusterFailed."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (folder / "token").is_file():
        raise ClusterFailed("this is no pod of a cluster", f"name a kubeconfig with --kubeconfig, or in {VARIABLE}")
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    namespace = _bytes(folder / "namespace").decode().strip() or "default"
    user = User(token_file=folder / "token")
    return Access("the cluster of this pod", server, namespace, user, _bytes(folder / "ca.crt"))


# --- files


@dataclass(frozen=True, slots=True)
class _Config:
    file: Path
    current: str
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]


def _files(path: Path | None) -> Iterator[Path]:
    """Those of the environment may be missing, as kubectl has it; one that was named may not."""
    if path is not None:
        yield path
        return
    listed = [Path(each) for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    yield from (file for file in listed or [USUAL.expanduser()] if file.is_file())


def _read(file: Path) -> _Config:
    text = _bytes(file).decode("utf-8", "surrogateescape")
    documents, problems = read(text, str(file))
    wrong = errors(problems)
    if wrong or not documents:
        raise ClusterFailed(f"{file} cannot be read as a kubeconfig", str(wrong[0]) if wrong else "it is empty")
    data = documents[0].data
    current = data.get("current-context")
    named = [
        _named(data, key, inner) for key, inner in (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))
    ]
    return _Config(file, current if isinstance(current, str) else "", *named)


def _named(data: Entry, key: str, inner: str) -> Mapping[str, Entry]:
    """`clusters: [{name, cluster: {…}}, …]` by name."""
    items = data.get(key)
    found: dict[str, Entry] = {}
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("name"), str):
            value = item.get(inner)
            found.setdefault(item["name"], value if isinstance(value, Mapping) else {})
    return found


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))


# --- what they say


def _access(name: str, found: Sequence[_Config]) -> Access:
    """Users and clusters may stand in another file than the context that names them."""
    context = next((each.contexts[name] for each in found if name in each.contexts), None)
    if context is None:
        known = [context for each in found for context in each.contexts]
        raise ClusterFailed(f"there is no context {name}", f"known: {', '.join(known)}" if known else None)
    cluster, at = _entry("cluster", _text(context, "cluster"), [(each.clusters, each.file) for each in found], name)
    server = _text(cluster, "server")
    if not server:
        raise ClusterFailed(f"the cluster of context {name} has no server")
    who = _text(context, "user")
    user, user_at = _entry("user", who, [(each.users, each.file) for each in found], name) if who else ({}, at)
    return Access(
        name,
        server,
        _text(context, "namespace") or "default",
        _user(user, user_at.parent, name),
        _pem(cluster, "certificate-authority", at.parent),
        verifies=cluster.get("insecure-skip-tls-verify") is not True,
        server_name=_text(cluster, "tls-server-name"),
        proxy_url=_text(cluster, "proxy-url"),
    )


def _entry(what: str, name: str, found: Sequence[tuple[Mapping[str, Entry], Path]], context: str) -> tuple[Entry, Path]:
    for entries, file in found:
        if name in entries:
            return entries[name], file
    raise ClusterFailed(f"context {context} names the {what} {name or '(none)'}, which is not in the kubeconfig")


def _user(user: Entry, folder: Path, context: str) -> User:
    if user.get("auth-provider"):
        hint = "log in with the cloud's credential plugin (`exec:`), which kubectl asks for since 1.26"
        raise ClusterFailed(f"context {context} uses an auth-provider, which kubectl has dropped", hint)
    token_file = _text(user, "tokenFile")
    return User(
        token=_text(user, "token"),
        token_file=folder / token_file if token_file else None,
        username=_text(user, "username"),
        password=_text(user, "password"),
        certificate=_pem(user, "client-certificate", folder),
        key=_pem(user, "client-key", folder),
        plugin=_plugin(user.get("exec"), folder),
        pretends=tuple(_impersonation(user)),
    )


def _plugin(value: object, folder: Path) -> Plugin | None:
    if not isinstance(value, Mapping):
        return None
    command = _text(value, "command")
    env = value.get("env") or ()
    return Plugin(
        command=str(folder / command) if "/" in command else command,
        args=tuple(str(each) for each in value.get("args") or ()),
        env={each["name"]: str(each.get("value", "")) for each in env if isinstance(each, Mapping) and "name" in each},
        api_version=_text(value, "apiVersion") or PLUGIN_API,
        install_hint=_text(value, "installHint"),
        wants_cluster=value.get("provideClusterInfo") is True,
        interactive=_text(value, "interactiveMode") != "Never",
    )


def _impersonation(user: Entry) -> Iterator[tuple[str, str]]:
    """kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation."""
    if name := _text(user, "as"):
        yield "Impersonate-User", name
    if uid := _text(user, "as-uid"):
        yield "Impersonate-Uid", uid
    groups = user.get("as-groups") or ()
    if len(groups) > 1:
        raise ClusterFailed("a user who pretends to be in several groups (as-groups) cannot be used", "leave one")
    yield from (("Impersonate-Group", str(group)) for group in groups)


def _pem(entry: Entry, key: str, folder: Path) -> bytes:
    """`<key>-data` goes before the file that `<key>` names."""
    if data := _text(entry, f"{key}-data"):
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ClusterFailed(f"{key}-data is not base64") from error
    name = _text(entry, key)
    return _bytes(folder / name) if name else b""


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ClusterFailed(f"cannot read {file}: {error.strerror}") from error


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value)
