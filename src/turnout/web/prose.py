"""Messages and hints as people read them: what stands between backticks is a command or a name."""

from __future__ import annotations

from turnout.web.markup import Tag, tag


def prose(name: str, text: str, *, classes: str = "") -> Tag:
    """An element `name` with the text, and what is in backticks as code; a backtick without its partner is one."""
    with tag(name, classes=classes) as element:
        for piece, is_code in pieces(text):
            tag("code" if is_code else "span", piece)
    return element


def pieces(text: str) -> list[tuple[str, bool]]:
    """Each with whether it is code; none is empty."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return [(part, at % 2 == 1) for at, part in enumerate(parts) if part]
