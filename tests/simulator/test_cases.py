"""Each folder of `cases` is a story: manifests and questions in, answers in words out; a real Envoy does what they say.

What Envoy was once found to do otherwise is kept here. `TURNOUT_UPDATE_GOLDEN=1 pytest tests/simulator` writes the
answers anew. A question is what one would type behind `turnout explain`; the compiler's `base.yaml` is there as well.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner
from tests.compiler.test_cases import BASE
from tests.simulator.asked import Asked, disagreements
from tests.simulator.generated import Sent

from turnout.cli import root
from turnout.simulator.request import request

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def questions(case: Path) -> list[str]:
    return (case / "questions.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_questions_get_these_answers(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = (case / "input.yaml").read_text(encoding="utf-8")
    Path("input.yaml").write_text(own)
    shared = BASE.read_text(encoding="utf-8").split("\n---\n")
    Path("base.yaml").write_text("\n---\n".join(each for each in shared if not (_name(each) and _name(each) in own)))
    told = [CliRunner().invoke(root, ["explain", *shlex.split(each), "."]).output for each in questions(case)]
    file = case / "answers.txt"
    if os.environ.get("TURNOUT_UPDATE_GOLDEN"):
        file.write_text("\n".join(told), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == "\n".join(told), f"{file} differs; see the module's docstring"


def _name(document: str) -> str:
    """What says that an object of the base stands in the case as well; only its Gateway may."""
    return "kind: Gateway\nmetadata: {name: gw}" if "\nkind: Gateway\n" in document else ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked() -> AsyncIterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Asked(Path(folder))
        await site.start()
        yield site
        await site.stop()


@pytest.mark.e2e
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
async def test_envoy_does_what_was_said(asked: Asked, case: Path) -> None:
    await asked.serve((case / "input.yaml").read_text(encoding="utf-8"))
    for each in questions(case):
        method, url, *more = shlex.split(each)
        posed = request(method, url)
        assert posed is not None
        way = "80" if more == ["--gateway"] else f"default/{more[1]}"
        sent = Sent(way, posed.method, posed.authority, posed.path, posed.headers)
        assert list(disagreements(asked.told(sent), await asked.got(sent))) == []
