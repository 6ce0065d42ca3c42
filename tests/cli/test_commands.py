"""What holds for every command: an example in its help, exit status 2 for wrong usage, and a fast start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import turnout
from turnout.cli import COMMANDS, root

SOURCES = Path(turnout.__file__).parents[1]
HEAVY = {
    "asyncio",
    "envoy",
    "google",
    "grpc",
    "psutil",
    "rich",
    "sqlite3",
    "starlette",
    "uvicorn",
    "watchfiles",
    "yaml",
}
"""Each takes between ten and some hundred milliseconds to import."""

WRONG = [
    ("nonsense",),
    ("up", "--nonsense"),
    ("up", "--gateway-port", "80"),
    ("up", "--gateway-port", "80=99999"),
    ("up", "--concurrency", "0"),
    ("status", "extra"),
    ("graph", "extra"),
    ("top", "--sort", "beauty"),
    ("plan",),
    ("plan", "k8s", "--nonsense"),
    ("shift",),
    ("shift", "reviews"),
    ("shift", "reviews", "v2"),
    ("shift", "reviews", "v2=ten"),
    ("shift", "reviews", "v2=nan"),
    ("mirror", "reviews"),
    ("mirror", "reviews", "--to", "v2", "--off"),
    ("compare", "reviews"),
    ("compare", "accept"),
    ("rollout", "stop"),
    ("rollout", "start", "reviews"),
    ("rollout", "status", "a", "b"),
    ("undo", "reviews"),
    ("load",),
    ("load", "ftp://reviews.test/"),
    ("load", "-c", "0", "http://reviews.test/"),
    ("load", "-t", "soon", "http://reviews.test/"),
    ("explain", "GET"),
    ("explain", "GET", "http://reviews/", "--from", "web", "--gateway"),
    ("explain", "GET", "http://reviews/", "-H", "end-user"),
    ("traces", "--min", "long"),
    ("traces", "--status", "bad"),
    ("up", "--trace-sampling", "101"),
    ("up", "--otlp-endpoint", "ftp://jaeger.test"),
    ("logs", "--lines", "many"),
    ("logs", "--seconds", "1"),
    ("logs", "--access", "--status", "ok"),
    ("export", "jaeger"),
    ("init", "reviews"),
    ("down", "now"),
]


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`turnout` as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "turnout", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def imported_by(*arguments: str) -> set[str]:
    """The top-level names of all modules that a command has imported when it ends."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr))\n"
        f"sys.argv = ['turnout', *{arguments!r}]\n"
        "from turnout.cli import main\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_shows_an_example(name: str) -> None:
    result = CliRunner().invoke(root, [name, "--help"])

    assert result.exit_code == 0
    _, _, example = result.output.partition("Example:\n")
    lines = [line.strip() for line in example.partition("\n\n")[0].splitlines()]
    assert any(line.startswith(f"turnout {name}") for line in lines), result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does_and_what_each_option_is_for(name: str) -> None:
    command = root.get_command(root.make_context("turnout", ["status"]), name)

    assert command is not None
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    assert [option.name for option in options if not option.help] == []


def test_the_help_lists_every_command_with_a_line() -> None:
    lines = CliRunner().invoke(root, ["--help"]).output.splitlines()
    width = max(len(name) for name in COMMANDS) + 2

    for name, line in COMMANDS.items():
        assert f"  {name:<{width}}{line}" in lines


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_is_exit_status_2_with_the_usage_and_the_reason(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(root, arguments, prog_name="turnout")

    assert result.exit_code == 2, result.output
    assert "Usage: turnout" in result.output
    assert "Error: " in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("graph",),
        ("top",),
        ("shift", "reviews", "v2=1"),
        ("mirror", "reviews", "--off"),
        ("compare", "reviews", "--to", "v2"),
        ("compare", "report"),
        ("rollout", "start", "reviews", "--to", "v2"),
        ("rollout", "status"),
        ("rollout", "abort"),
        ("undo",),
        ("logs",),
        ("export", "prometheus"),
        ("down",),
    ],
)
def test_without_an_instance_a_command_says_so_and_exits_1(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: nothing ")
    assert "hint: start it with `turnout up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    assert turnout.__version__ in CliRunner().invoke(root, ["--version"]).output


def test_help_imports_no_library_but_click() -> None:
    assert imported_by("--help") & (HEAVY | {"http"}) == set()


@pytest.mark.parametrize(
    "name", ["status", "graph", "top", "shift", "mirror", "compare", "rollout", "undo", "logs", "down", "init"]
)
def test_the_help_of_a_short_command_imports_nothing_heavy(name: str) -> None:
    assert imported_by(name, "--help") & HEAVY == set()
