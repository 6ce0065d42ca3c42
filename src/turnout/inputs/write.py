"""Writing a file so that no reader ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's text, keeping its mode and, where allowed, its owner; line ends are written as they are.

    A symbolic link stays one: what it points to is replaced. Raises OSError, and the old file is then untouched.
    """
    target = path.resolve()
    copy = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write(copy, target, text)
        copy.replace(target)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def _write(copy: Path, model: Path, text: str) -> None:
    """The model's mode is taken on before a byte is written: what was secret is at no time readable."""
    mode = 0o600 if model.exists() else 0o666  # the umask applies to a new file, as to any
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        with contextlib.suppress(FileNotFoundError):
            _imitate(model.stat(), copy)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _imitate(model: os.stat_result, copy: Path) -> None:
    if (model.st_uid, model.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.chown(copy, model.st_uid, model.st_gid)
    copy.chmod(stat.S_IMODE(model.st_mode))
