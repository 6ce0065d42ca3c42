"""The state directory: what it holds, and who holds it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from turnout.database import RECORDS, Database
from turnout.error import StateBroken, StateLocked
from turnout.workloads.launcher import Ledger

_SECRET = re.compile(r"[\w-]{32,}", re.ASCII)
_MAX_SOCKET_PATH = 90
"""A unix socket's path must stay below 104 bytes (macOS; Linux 108), its file name included."""


class StateDir:
    """`.turnout/`: state.db, logs/, sockets, kubeconfig, token; readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """The API's own, and its key."""
        return self.path / "api.pem"

    @property
    def control_log(self) -> Path:
        return self.logs / "turnout.log"

    @property
    def dashboard_log(self) -> Path:
        return self.logs / "dashboard.log"

    @property
    def crash_log(self) -> Path:
        """Tracebacks of bugs."""
        return self.logs / "crash.log"

    @property
    def runtime(self) -> Path:
        """Where the sockets are: in the state directory, or, if its path is too long for one, in a runtime folder."""
        own = self.path / "run"
        if len(os.fsencode(own)) <= _MAX_SOCKET_PATH:
            return own
        return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"turnout-{os.getuid()}-{self.digest}"

    @property
    def digest(self) -> str:
        """Tells state directories apart where a path does not fit."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]

    @property
    def ledger(self) -> Ledger:
        """What containers were run with, if any were."""
        return Ledger(self.path / "engines", self.digest)

    def create(self) -> None:
        """Makes the folders, each of mode 0700. Raises StateBroken."""
        with self.usable():
            for folder in (self.path, self.logs, self.runtime):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if folder.stat().st_uid != os.getuid():
                    raise StateBroken(f"{folder} belongs to another user", "choose another --state directory")
                folder.chmod(0o700)
            (self.path / ".gitignore").write_text("*\n")

    def token(self) -> str:
        """What opens the API: random, and kept: whoever is let in stays so after a restart. Raises StateBroken."""
        return self._secret("token")

    def redaction_key(self) -> str:
        """What secrets in captured answers are hashed with, so that nobody can try out which one a hash stands for.

        Raises StateBroken.
        """
        return self._secret("redaction-key")

    def _secret(self, name: str) -> str:
        path = self.path / name
        with self.usable():
            if path.is_file() and path.stat().st_mode & 0o077 == 0:
                kept = path.read_text(errors="replace").strip()
                if _SECRET.fullmatch(kept):
                    return kept
            path.unlink(missing_ok=True)  # one that others could read, or that was cut off, is none any more
            secret = secrets.token_urlsafe(24)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secret + "\n")
        return secret

    def lock(self) -> None:
        """Held until this process ends, however it ends. Raises StateLocked, with the holder's pid, and StateBroken."""
        with self.usable():
            self._take_lock()

    @contextmanager
    def usable(self) -> Iterator[None]:
        """What the disk refuses inside is a StateBroken."""
        try:
            yield
        except OSError as error:
            raise StateBroken(
                f"cannot use {self.path}: {error.strerror or error}",
                "choose another --state directory, or free some space",
            ) from error

    def _take_lock(self) -> None:
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            os.close(descriptor)
            raise StateLocked(
                f"turnout up already runs for {self.path} (pid {holder})",
                "use it through `turnout status`, or stop it with `turnout down`",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def locked(self) -> bool:
        """Whether a `turnout up` runs for it."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def terminate(self) -> None:
        """SIGTERM to the `turnout up` that holds it; one that has just ended is fine."""
        with suppress(OSError, ValueError):
            pid = int((self.path / "lock").read_text())
            if self.locked():
                os.kill(pid, signal.SIGTERM)

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def database(self, *migrations: str) -> Database:
        """state.db, with the tables of everybody who keeps something in it."""
        return Database(self.path / "state.db", (RECORDS, *migrations))
