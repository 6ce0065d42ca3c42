"""Who met which version of a sticky split, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def users_words(status: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """`status.users` as a sentence; nothing of a rollout that is not sticky, or has not begun."""
    users = status.get("users")
    if not users:
        return ""
    who = "user requests" if spec.get("sticky") == "request" else "users"
    about = "about " if users["sampled"] > 1 else ""
    parts = [
        f"{about}{users['seen']:,} {who} seen: {users['stable']:,} met {spec['from']}, "
        f"{users['candidate']:,} met {spec['to']}, {users['both']:,} both",
        f"{users['back']:,} went back" if users["back"] else "none went back" if users["both"] else "",
        f"counted by 1 in {users['sampled']:,}" if about else "",
        f"{users['withoutKey']:,} requests had no {_key(spec)}" if users["withoutKey"] else "",
        f"{users['untold']:,} requests were lost, whose {who} may be missing" if users["untold"] else "",
    ]
    return "; ".join(filter(None, parts))


def _key(spec: Mapping[str, Any]) -> str:
    """`header:x-user` → `header x-user`."""
    return str(spec.get("sticky", "")).replace(":", " ")
