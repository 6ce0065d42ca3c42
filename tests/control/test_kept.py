"""What a restart finds again: the token, and the ports."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from turnout.control.ports import LastPorts
from turnout.control.state import StateDir
from turnout.database import RECORDS, Database, Records
from turnout.error import PortTaken


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path)
    state.create()
    return state


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[LastPorts]:
    with closing(Database(tmp_path / "state.db", [RECORDS])) as database:
        yield LastPorts(Records(database))


class Server:
    """Listens wherever it is told to, but on a taken port."""

    def __init__(self, taken: int = -1, free: int = 4000) -> None:
        self.taken = taken
        self.free = free

    async def start(self, port: int) -> int:
        if port == self.taken:
            raise PortTaken(f"port {port} is taken")
        return port or self.free


def test_the_token_stays_and_is_its_owners_alone(state: StateDir) -> None:
    token = state.token()
    assert len(token) >= 32
    assert state.token() == token
    assert stat.S_IMODE((state.path / "token").stat().st_mode) == 0o600


@pytest.mark.parametrize("spoiled", ["", "short", "two words that are long enough to be one", "\udcff"])
def test_a_token_that_was_cut_off_is_replaced(state: StateDir, spoiled: str) -> None:
    before = state.token()
    (state.path / "token").write_text(spoiled, errors="surrogateescape")
    assert state.token() not in {before, spoiled}


def test_a_token_that_others_could_read_opens_nothing_any_more(state: StateDir) -> None:
    before = state.token()
    (state.path / "token").chmod(0o644)
    assert state.token() != before
    assert stat.S_IMODE((state.path / "token").stat().st_mode) == 0o600


async def test_a_server_listens_where_it_did(ports: LastPorts) -> None:
    assert await ports.start("api", Server(free=4001).start) == 4001
    assert await ports.start("api", Server(free=4002).start) == 4001
    assert await ports.start("dashboard", Server(free=4003).start) == 4003


async def test_where_somebody_else_listens_by_now_it_goes_elsewhere(ports: LastPorts) -> None:
    await ports.start("api", Server(free=4001).start)
    assert await ports.start("api", Server(taken=4001, free=4002).start) == 4002
    assert await ports.start("api", Server(free=4003).start) == 4002


async def test_a_chosen_port_it_is_or_none(ports: LastPorts) -> None:
    await ports.start("api", Server(free=4001).start)
    assert await ports.start("api", Server().start, 5000) == 5000
    with pytest.raises(PortTaken):
        await ports.start("api", Server(taken=6000).start, 6000)
