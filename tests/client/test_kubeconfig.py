"""Kubeconfigs: which files count, and what they say. The real kubectl is asked what it makes of the same ones."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from turnout.client.kubeconfig import Access, access, in_cluster
from turnout.error import ClusterFailed


def write(folder: Path, name: str, **more: Any) -> Path:
    """One cluster, user and context, all called `name`, unless more is said."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example:6443"}}],
        "users": [{"name": name, "user": {"token": f"token-{name}"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(config))
    return path


def of_user(folder: Path, **user: Any) -> Access:
    return access(write(folder, "one", users=[{"name": "one", "user": user}]))


def of_cluster(folder: Path, **cluster: Any) -> Access:
    wanted = {"server": "https://one.example", **cluster}
    return access(write(folder, "one", clusters=[{"name": "one", "cluster": wanted}]))


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


# --- which files


def test_the_current_context_counts_unless_another_is_named(tmp_path: Path) -> None:
    both = [{"name": "a", "context": {"cluster": "one", "user": "one"}}]
    both += [{"name": "b", "context": {"cluster": "one", "user": "one", "namespace": "shop"}}]
    file = write(tmp_path, "one", contexts=both, **{"current-context": "a"})

    assert (access(file).name, access(file).namespace) == ("a", "default")
    assert (access(file, "b").name, access(file, "b").namespace) == ("b", "shop")


def test_without_a_file_the_one_in_the_home_folder_counts(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    write(folder, "one").rename(folder / "config")

    assert access().server == "https://one.example:6443"


def test_the_files_that_the_environment_lists_are_one_and_missing_ones_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(tmp_path, "one", users=[], **{"current-context": ""})
    users = [{"name": name, "user": {"token": f"{name}, from the second"}} for name in ("one", "two")]
    second = write(tmp_path, "two", users=users)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (tmp_path / "missing", first, second))))

    assert access().name == "two"
    assert access(context="one").user.token == "one, from the second"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_makes_the_same_of_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(pem))
    first = write(tmp_path, "one", clusters=[], **{"current-context": ""})
    second = write(
        tmp_path,
        "two",
        clusters=[
            {"name": "two", "cluster": {"server": "https://two.example", "certificate-authority": "ca.crt"}},
            {"name": "one", "cluster": {"server": "https://one.example", "tls-server-name": "other"}},
        ],
        users=[
            {"name": "one", "user": {"token": "second"}},
            {"name": "two", "user": {"username": "u", "password": "p"}},
        ],
        **{"current-context": "one"},
    )
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (first, second))))

    for context in ("one", "two"):
        arguments = ["kubectl", "config", "view", "--minify", "--flatten", "--raw", "-o", "json", "--context", context]
        seen = json.loads(subprocess.run(arguments, capture_output=True, check=True, timeout=30).stdout)
        cluster, user = seen["clusters"][0]["cluster"], seen["users"][0]["user"]
        found = access(context=context)

        assert found.server == cluster["server"]
        assert found.server_name == cluster.get("tls-server-name", "")
        assert base64.b64encode(found.authority).decode() == cluster.get("certificate-authority-data", "")
        assert (found.user.token, found.user.username) == (user.get("token", ""), user.get("username", ""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contexts": [], "current-context": "x"}, "no context x"),
        ({"current-context": ""}, "names no current context"),
        ({"clusters": []}, "names the cluster one, which is not"),
        ({"users": []}, "names the user one, which is not"),
        ({"clusters": [{"name": "one", "cluster": {}}]}, "has no server"),
        ({"users": [{"name": "one", "user": {"auth-provider": {"name": "gcp"}}}]}, "auth-provider"),
        ({"users": [{"name": "one", "user": {"client-key-data": "%"}}]}, "not base64"),
        ({"users": [{"name": "one", "user": {"client-key": "gone.pem"}}]}, "cannot read .*gone.pem"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ClusterFailed, match=message):
        access(write(tmp_path, "one", **arguments))


def test_a_file_that_is_no_yaml_and_no_file_at_all_are_said(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("a: [")

    with pytest.raises(ClusterFailed, match="cannot be read as a kubeconfig"):
        access(tmp_path / "broken")
    with pytest.raises(ClusterFailed, match="there is no kubeconfig"):
        access()


# --- what they say


def test_files_are_meant_from_the_kubeconfigs_folder_and_data_goes_before_them(tmp_path: Path) -> None:
    (tmp_path / "user.crt").write_bytes(b"from the file")
    data = base64.b64encode(b"from the data").decode()

    assert of_user(tmp_path, **{"client-certificate": "user.crt"}).user.certificate == b"from the file"
    both = {"client-certificate": "user.crt", "client-certificate-data": data}
    assert of_user(tmp_path, **both).user.certificate == b"from the data"


def test_a_plugin_is_meant_from_the_kubeconfigs_folder_if_it_is_a_path(tmp_path: Path) -> None:
    env = [{"name": "PROFILE", "value": "prod"}]
    found = of_user(tmp_path, exec={"command": "./login", "args": ["--now"], "env": env, "interactiveMode": "Never"})
    plugin = found.user.plugin

    assert plugin is not None
    assert (plugin.command, plugin.args, plugin.env) == (str(tmp_path / "login"), ("--now",), {"PROFILE": "prod"})
    assert not plugin.interactive
    by_name = of_user(tmp_path, exec={"command": "aws"}).user.plugin
    assert by_name is not None
    assert by_name.command == "aws"


def test_who_somebody_pretends_to_be_is_said_in_headers(tmp_path: Path) -> None:
    found = of_user(tmp_path, **{"as": "ci", "as-groups": ["builders"]})

    assert dict(found.user.pretends) == {"Impersonate-User": "ci", "Impersonate-Group": "builders"}


def test_a_cluster_may_go_unverified_only_if_it_says_so(tmp_path: Path) -> None:
    assert of_cluster(tmp_path).verifies
    assert not of_cluster(tmp_path, **{"insecure-skip-tls-verify": True}).verifies


def test_secrets_are_not_in_what_is_printed(tmp_path: Path) -> None:
    found = of_user(
        tmp_path, token="s3cret", password="s3cret", **{"client-key-data": base64.b64encode(b"s3cret").decode()}
    )

    assert "s3cret" not in repr(found)


def test_a_pod_is_let_in_by_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"token": "t", "namespace": "shop", "ca.crt": "pem"}.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ClusterFailed, match="no pod"):
        in_cluster(tmp_path)

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = in_cluster(tmp_path)

    assert (found.server, found.namespace, found.authority) == ("https://[fd00::1]:443", "shop", b"pem")
    assert found.user.token_file == tmp_path / "token"
