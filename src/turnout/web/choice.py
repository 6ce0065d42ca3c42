"""One of several: radio buttons that look like one control."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from turnout.web.markup import tag


def choice(name: str, options: Mapping[str, str], chosen: str, pick: Callable[[str], None]) -> None:
    """`name` says what is chosen; `options`: value → what it is called."""
    with tag("fieldset", classes="choice"):
        tag("legend", name, classes="for-readers")
        group = f"choice-{name.lower().replace(' ', '-')}"
        for value, called in options.items():
            with tag("label"):
                button = tag("input", type="radio", name=group, value=value, checked=value == chosen)
                button.on(
                    "change", lambda event: pick(str(event.args)), js_handler="(event) => emit(event.target.value)"
                )
                tag("span", called)


def offered(value: str | None, options: Mapping[str, str], default: str) -> str:
    """What a URL asks for, if there is such a thing."""
    return value if value is not None and value in options else default
