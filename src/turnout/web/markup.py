"""Plain HTML elements: a browser and a screen reader know what they are without being told."""

from __future__ import annotations

from typing import Any

from nicegui.elements.mixins.text_element import TextElement

TONES = ("good", "warn", "bad")
"""Classes that say how something is; without one of them it is neither."""


class Tag(TextElement):
    """Any HTML element. `text` and attributes may be set again and again; only what differs is sent."""

    def __init__(self, name: str, text: str = "", /, *, classes: str = "", **attributes: Any) -> None:
        super().__init__(tag=name, text=text)
        self.classes(classes)
        self.set(**attributes)

    def set(self, **attributes: Any) -> None:
        """`aria_label="…"` is `aria-label`, `for_` is `for`; None takes an attribute away, True gives it no value."""
        for key, value in attributes.items():
            name = key.rstrip("_").replace("_", "-")
            given = "" if value is True else None if value is False else value
            if self.props.get(name) != given:
                self.props.set_optional(name, given)

    def say(self, text: str) -> None:
        """Another text, if it is another."""
        if self.text != text:
            self.text = text

    def tone(self, name: str, *, on: bool) -> None:
        """A class, there or not."""
        if (name in self.classes) != on:
            self.classes(add=name) if on else self.classes(remove=name)

    def toned(self, name: str) -> None:
        """One of TONES, and no other; "" for none."""
        for each in TONES:
            self.tone(each, on=each == name)


def tag(name: str, text: str = "", /, *, classes: str = "", **attributes: Any) -> Tag:
    """One element; keywords are its attributes, and children go into a `with` block."""
    return Tag(name, text, classes=classes, **attributes)
