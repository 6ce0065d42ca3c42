"""Events told to real commands and to a real HTTP server, while nobody waits."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from turnout.rollout import hooks as module
from turnout.rollout.hooks import Hooks, Outcome
from turnout.rollout.intent import Hook
from turnout.rollout.message import message
from turnout.rollout.webhook import signature

EVENT = {
    "namespace": "default",
    "rollout": "app-v2",
    "service": "app.default.svc.cluster.local",
    "at": 1000.0,
    "what": "abort",
    "step": 2,
    "phase": "aborted",
    "text": "errors: worse, 5 of 100 failed",
    "verdicts": [{"guard": "errors", "kind": "worse", "words": "errors: worse"}],
    "detail": None,
}


def command(*argv: str, timeout: float = 5.0) -> Hook:
    return Hook(argv, "", "", frozenset(), timeout)


def python(code: str, timeout: float = 5.0) -> Hook:
    return command(sys.executable, "-c", code, timeout=timeout)


def address(url: str, secret_file: str = "", timeout: float = 5.0) -> Hook:
    return Hook((), url, secret_file, frozenset(), timeout)


class Told:
    """Hooks, and what they report."""

    def __init__(self, folder: Path) -> None:
        self._outcomes: Queue[Outcome] = Queue()
        self.hooks = Hooks(folder, {"TURNOUT_OWNER": "me"}, self._outcomes.put)

    def offer(self, *hooks: Hook, **event: Any) -> None:
        self.hooks.offer(hooks, EVENT | event)

    def outcome(self) -> Outcome:
        return self._outcomes.get(timeout=10)

    def failure(self, hook: Hook) -> str:
        self.offer(hook)
        return self.outcome().failure


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", (0.01, 0.02))
    found = Told(tmp_path)
    yield found
    found.hooks.close()


class Server:
    """Answers with the statuses given, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.got: list[tuple[dict[str, str], bytes]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                site.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = site.statuses.pop(0) if len(site.statuses) > 1 else site.statuses[0]
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", f"{site.url}/elsewhere")
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


# --- commands


def test_a_command_gets_the_event_on_its_stdin_and_runs_in_the_projects_folder(told: Told, tmp_path: Path) -> None:
    code = "import sys, os; open('got', 'w').write(os.environ['TURNOUT_OWNER'] + sys.stdin.read())"
    told.offer(python(code))
    outcome = told.outcome()
    assert (outcome.failure, outcome.tries, outcome.what) == ("", 1, "abort")
    text = (tmp_path / "got").read_text()
    assert text.startswith("me")
    assert json.loads(text[2:]) == EVENT


def test_a_relative_command_counts_from_the_projects_folder(told: Told, tmp_path: Path) -> None:
    script = tmp_path / "notify.sh"
    script.write_text("#!/bin/sh\ncat > said\n")
    script.chmod(0o755)
    assert told.failure(command("./notify.sh")) == ""
    assert json.loads((tmp_path / "said").read_text())["rollout"] == "app-v2"


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (python("import sys; print('no such channel'); sys.exit(3)"), "it ended with 3: no such channel"),
        (python("import os; os.abort()"), "it ended with -6"),
        (command("./nothing-like-this"), "it cannot be started"),
    ],
)
def test_a_command_that_fails_is_reported_and_not_repeated(told: Told, hook: Hook, says: str) -> None:
    told.offer(hook)
    outcome = told.outcome()
    assert outcome.failure.startswith(says)
    assert outcome.tries == 1
    assert "was not told of `abort`" in outcome.text


def test_a_command_that_hangs_is_ended_with_all_that_it_started(told: Told, tmp_path: Path) -> None:
    code = "import os, time; p = os.fork(); open('pids', 'a').write(f'{os.getpid()}\\n'); time.sleep(60)"
    assert told.failure(python(code, timeout=1.0)) == "it took longer than 1 s"
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    until(lambda: not any(os.path.exists(f"/proc/{pid}") and _lives(pid) for pid in pids))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_that_does_not_read_and_says_a_lot_holds_nobody_up(told: Told) -> None:
    told.offer(python("print('x' * 10_000_000)"), text="y" * 1_000_000)
    assert told.outcome().failure == ""


# --- addresses


def test_an_event_is_posted_signed_and_in_a_form_that_slack_shows(told: Told, server: Server, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert told.failure(address(f"{server.url}/hook?a=b", "key")) == ""
    ((headers, body),) = server.got
    assert headers["x-turnout-signature"] == "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["content-type"] == "application/json"
    sent = json.loads(body)
    assert sent["text"] == "default/app-v2 abort: errors: worse, 5 of 100 failed"
    assert {field["title"]: field["value"] for field in sent["attachments"][0]["fields"]}["errors"] == "errors: worse"
    assert {key: sent[key] for key in EVENT.keys() - {"text"}} == {key: EVENT[key] for key in EVENT.keys() - {"text"}}


def test_without_a_key_nothing_is_signed(told: Told, server: Server) -> None:
    assert told.failure(address(server.url)) == ""
    assert "x-turnout-signature" not in server.got[0][0]


def test_an_address_that_cannot_now_is_tried_again(told: Told, server: Server) -> None:
    server.statuses = [503, 429, 204]
    told.offer(address(server.url))
    assert (outcome := told.outcome()).failure == ""
    assert (outcome.tries, len(server.got)) == (3, 3)


def test_tries_are_bounded(told: Told, server: Server) -> None:
    server.statuses = [500]
    told.offer(address(server.url))
    assert told.outcome().text == f"{server.url} was not told of `abort` after 3 tries: it answered 500"
    assert len(server.got) == 3


@pytest.mark.parametrize("status", [302, 400, 404])
def test_an_address_that_refuses_is_not_asked_twice(told: Told, server: Server, status: int) -> None:
    server.statuses = [status]
    assert told.failure(address(server.url)) == f"it answered {status}"
    assert len(server.got) == 1


def test_one_that_never_answers_or_drips_is_given_up_in_time(told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/secret-path"

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while True:
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        told.offer(address(url, timeout=0.4))
        outcome = told.outcome()
    assert outcome.failure == "no answer in time"
    assert time.monotonic() - started < 4
    assert "secret" not in outcome.text


def test_nobody_there_and_no_key_are_reported(told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert told.failure(address(f"http://127.0.0.1:{port}")).startswith("no answer: ")
    assert "no-key" in told.failure(address("http://127.0.0.1:1", "no-key"))


# --- nobody waits


def test_one_that_hangs_holds_up_neither_who_offers_nor_the_next_hook(told: Told, server: Server) -> None:
    started = time.monotonic()
    told.offer(python("import time; time.sleep(60)", timeout=1.5), address(server.url))
    assert time.monotonic() - started < 0.5
    assert told.outcome().hook == server.url
    assert time.monotonic() - started < 1.4


def test_a_hook_is_told_in_order(told: Told, server: Server) -> None:
    for step in range(20):
        told.offer(address(server.url), step=step)
    for _ in range(20):
        assert told.outcome().failure == ""
    assert [json.loads(body)["step"] for _, body in server.got] == list(range(20))


def test_too_many_events_are_dropped_and_that_is_reported(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    hook = python("import time; time.sleep(60)")
    for _ in range(5):
        told.offer(hook)
    assert told.outcome().failure == "2 events wait for it already"


def test_at_the_end_what_runs_is_ended(told: Told, tmp_path: Path) -> None:
    told.offer(python("import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)", timeout=60))
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    told.hooks.close()
    assert told.outcome().failure == "Turnout ends"
    until(lambda: not _lives(int((tmp_path / "pid").read_text())))


def test_signatures_are_those_of_everybody_else() -> None:
    """GitHub's own example of this scheme."""
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature(b"Hello, World!", b"It's a Secret to Everybody") == expected


def test_an_event_without_verdicts_is_a_message_too() -> None:
    plain = {"namespace": "shop", "rollout": "r", "what": "step", "text": "weight 5 %"}
    assert message(plain)["text"] == "shop/r step: weight 5 %"
