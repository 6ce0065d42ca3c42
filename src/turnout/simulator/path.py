"""A request's path as Envoy routes by it: `normalize_path`, which Istio switches on."""

from __future__ import annotations

import re

_UNRESERVED = re.compile(r"%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")
_ESCAPED = re.compile(r'["<>^`{|}]')
_REFUSED = re.compile(r"%00|[^\x21-\x7e]")


def without_query(path: str) -> str:
    """What matches and rewrites look at."""
    return path.partition("?")[0]


def query(path: str) -> str:
    """From the question mark on; empty where there is none."""
    return path[len(without_query(path)) :]


def normalized(path: str) -> str | None:
    """Segments of dots are gone, and every character is written one way; the query stays as it is. None: 400.

    Found by asking Envoy 1.40 about every character, plain and percent-encoded.
    """
    own = without_query(path)
    if "#" in path or _REFUSED.search(own) or not own.startswith("/"):
        return None
    own = _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), own)
    own = _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", own.replace("\\", "/"))
    return _without_dots(own) + query(path)


def _without_dots(path: str) -> str:
    segments: list[str] = []
    first, *others = path.split("/")[1:]
    last = ""
    for last in (first, *others):
        if last == "..":
            del segments[-1:]
        elif last != ".":
            segments.append(last)
    ending = [""] if last in (".", "..") else []
    return "/" + "/".join([*segments, *ending])
