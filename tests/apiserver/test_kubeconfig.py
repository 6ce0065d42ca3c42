from __future__ import annotations

import json
import stat
from base64 import b64decode
from pathlib import Path

import pytest

from turnout.apiserver import kubeconfig
from turnout.client.state import Address, read_address
from turnout.error import StateBroken


def test_the_kubeconfig_is_private_and_holds_the_token_where_each_client_looks(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    kubeconfig.write(path, "http://127.0.0.1:1234", "secret")
    config = json.loads(path.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "http://turnout:secret@127.0.0.1:1234"
    assert config["users"][0]["user"]["token"] == "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_with_tls_the_token_stands_in_no_address(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    secure = kubeconfig.Secure("https://127.0.0.1:2", "PEM")
    kubeconfig.write(path, "http://127.0.0.1:1", "secret", secure)
    cluster = json.loads(path.read_text())["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:2"
    assert b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert "secret" not in json.dumps(cluster)
    assert read_address(tmp_path) == Address("127.0.0.1", 1, "secret")


def test_a_folder_that_is_gone_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(StateBroken, match="cannot write"):
        kubeconfig.write(tmp_path / "gone" / "kubeconfig", "http://127.0.0.1:1", "secret")
