"""`turnout load` as a user runs it: its output, exit status and signals."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from turnout.cli.load import command

OK = b"HTTP/1.1 200 OK\r\nx-turnout-version: v1\r\ncontent-length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n"
PROGRAM = (sys.executable, "-c", "from turnout.cli import main; main()", "load")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that answers 200, and 500 under /bad."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(BAD if head.startswith(b"GET /bad") else OK)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def load(*arguments: str, stderr: int = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*PROGRAM, *arguments, stdout=pipe, stderr=stderr)


async def test_the_summary_goes_to_stdout_and_nothing_to_stderr(url: str) -> None:
    process = await load("-c", "2", "-n", "20", url)
    out, err = await process.communicate()
    assert process.returncode == 0
    assert b"Transactions:                     20 hits" in out
    assert b"Availability:                 100.00 %" in out
    assert b"v1" in out
    assert err == b""


async def test_a_failed_request_makes_exit_status_1(url: str) -> None:
    process = await load("--json", "-n", "3", f"{url}/bad")
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert json.loads(out)["requests"]["failed"] == 3


async def test_a_test_name_is_sent_to_the_address_given(url: str) -> None:
    process = await load("--json", "-n", "3", "--connect", url.removeprefix("http://"), "http://shop.test/")
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(out)["versions"][0]["version"] == "v1"


async def test_ctrl_c_prints_the_figures_so_far(url: str) -> None:
    terminal, its_end = pty.openpty()
    process = await load("-t", "1h", "--rate", "200", url, stderr=its_end)
    os.close(its_end)
    progress = await asyncio.to_thread(os.read, terminal, 1024)
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    os.close(terminal)
    assert b"finished" in progress
    assert process.returncode == 0
    assert b"Availability:                 100.00 %" in out


async def test_a_name_without_address_is_an_error_with_a_hint() -> None:
    process = await load("-n", "1", "--connect", "nowhere.invalid:80", "http://shop.test/")
    out, err = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert err.startswith(b"error: no address found for 'nowhere.invalid'")
    assert b"\nhint: " in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'URL'"),
        (["ftp://a/"], "only http:// and https://"),
        (["-t", "60", "http://a/"], "write it with a unit"),
        (["-t", "0s", "http://a/"], "must be more than 0"),
        (["-c", "0", "http://a/"], "not in the range"),
        (["--rate", "0", "http://a/"], "not in the range"),
        (["-H", "no colon", "http://a/"], "is no header"),
        (["-H", "a: b\r\nc: d", "http://a/"], "is no header"),
        (["--connect", "nowhere", "http://a/"], "HOST:PORT"),
        (["-X", "GET /", "http://a/"], "is no HTTP method"),
        (["-X", "connect", "http://a/"], "opens a tunnel"),
        (["-d", "@/no/such/file", "http://a/"], "cannot read /no/such/file"),
    ],
)
def test_wrong_usage_is_exit_status_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_help_shows_an_example() -> None:
    assert (
        "turnout load -c 10 -t 60s http://rewrite-app-with-istio.test/"
        in CliRunner().invoke(command, ["--help"]).output
    )


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running instance that says where its gateway listens."""

    class Instance:
        @classmethod
        def from_state(cls, state: Path) -> Instance:
            return cls()

        def __enter__(self) -> Instance:
            return self

        def __exit__(self, *args: object) -> None:
            pass

        def view(self, name: str) -> dict[str, Any]:
            assert name == "status"
            return {"gateways": [{"hosts": ["shop.example"], "port": 80, "listens": 1, "protocol": "http"}]}

    monkeypatch.setattr("turnout.client.Client", Instance, raising=False)


@pytest.mark.usefixtures("instance")
def test_a_gateway_host_needs_no_dns(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["-n", "1", "--state", str(tmp_path), "http://shop.example/"])
    assert "connect refused: 1" in result.stdout


def test_no_state_directory_means_no_instance(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["-n", "1", "--state", str(tmp_path / "none"), "http://a.test:1/"])
    assert result.exit_code == 1
    assert "connect refused: 1" in result.stdout
