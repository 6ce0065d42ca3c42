"""Certificates and keys that lie in files: read when they are asked for, and looked after for changes."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from turnout.mesh.credential import SYSTEM_AUTHORITIES

LARGEST_BYTES = 1 << 20
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Debian, Red Hat, SUSE, and Alpine and macOS keep whom they believe."""

_State = tuple[int, int] | None
"""When a file was changed (ns) and its size (bytes); None: it is not there."""


class CertificateFiles:
    """Relative paths count from `folder`. What cannot be read is left out; nobody but us is told what is in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _State] = {}
        self._texts: dict[str, str] = {}

    def read(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Path to content, of those that can be read. A file that has not changed is not read again."""
        now = {path: self._state(path) for path in paths}
        texts = {}
        for path, state in now.items():
            known = self._texts.get(path) if state and self._seen.get(path) == state else None
            text = known if known is not None else self._read(path, state)
            if text is not None:
                texts[path] = text
        self._seen, self._texts = now, texts
        return texts

    def changed(self) -> bool:
        """Whether one of them is no longer as it was read."""
        return any(self._state(path) != state for path, state in self._seen.items())

    def _read(self, path: str, state: _State) -> str | None:
        if state is None or state[1] > LARGEST_BYTES:
            return None
        try:
            return self._place(path).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    def _state(self, path: str) -> _State:
        try:
            found = self._place(path).stat()
        except (OSError, ValueError):
            return None
        return found.st_mtime_ns, found.st_size

    def _place(self, path: str) -> Path:
        if path != SYSTEM_AUTHORITIES:
            return self._folder / path
        given = ssl.get_default_verify_paths().cafile
        return next((Path(each) for each in (given, *_BUNDLES) if each and Path(each).is_file()), Path(_BUNDLES[0]))
