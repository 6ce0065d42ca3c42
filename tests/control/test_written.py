"""Where fields of objects are written, asked for over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout.apiserver.view import ViewRequest
from turnout.control.manifests import Files
from turnout.control.written import written
from turnout.error import ApiError

NAMES = {"kind": "Service", "namespace": "default", "name": "a"}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports: [{name: http, port: 80}]\n"
    Path("a.yaml").write_text(text)
    files = Files([Path("a.yaml")])
    assert files.read()
    return files


async def ask(files: Files, body: Any) -> Any:
    return await written(files, ViewRequest("POST", body=body))


async def test_a_field_is_in_its_file(files: Files, tmp_path: Path) -> None:
    path = ["spec", "ports", 0, "port"]
    assert await ask(files, {**NAMES, "paths": [path]}) == [
        {"file": str(tmp_path / "a.yaml"), "index": 0, "path": path}
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ([], 400),
        ({**NAMES, "paths": 5}, 400),
        ({**NAMES, "paths": ["spec"]}, 400),
        ({**NAMES, "paths": [[None]]}, 400),
        ({**NAMES, "paths": [[]] * 1001}, 400),
        ({**NAMES, "name": "b", "paths": []}, 404),
    ],
)
async def test_what_is_asked_wrongly_is_refused(files: Files, body: Any, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        await ask(files, body)
    assert caught.value.status == status
