from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from turnout.apiserver import kubeconfig
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


def test_a_folder_that_is_gone_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(StateBroken, match="cannot write"):
        kubeconfig.write(tmp_path / "gone" / "kubeconfig", "http://127.0.0.1:1", "secret")
