"""Lists to choose from and lines to type into, behind their labels.

None is told its value again by the server: what somebody is about to choose or to type stays, whatever else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from turnout.web.markup import Tag, tag

Chosen = Callable[[str], object]


class Select:
    """One of several, behind a label. `options`: value → what is shown."""

    def __init__(self, label: str, options: Mapping[str, str], chosen: str, on_change: Chosen) -> None:
        self._options: dict[str, str] = {}
        self._chosen = chosen
        with tag("label", classes="field") as self._label:
            tag("span", label)
            self._select = tag("select")
        self._select.on("change", lambda event: self._choose(event.args, on_change), js_handler=_VALUE)
        self.offer(options)

    @property
    def chosen(self) -> str:
        return self._chosen

    def offer(self, options: Mapping[str, str]) -> None:
        """Other options; what is chosen stays one of them."""
        wanted = {**options} if self._chosen in options else {self._chosen: self._chosen, **options}
        if wanted == self._options:
            return
        self._options = wanted
        self._fill()

    def _fill(self) -> None:
        self._select.clear()
        with self._select:
            for value, shown in self._options.items():
                tag("option", shown, value=value, selected=value == self._chosen)

    def choose(self, value: str) -> None:
        """It was chosen by other means."""
        if value != self._chosen:
            self._chosen = value
            self._fill()

    def enable(self, *, on: bool) -> None:
        self._select.set(disabled=not on)

    def show(self, *, on: bool) -> None:
        """With its label, or not at all."""
        self._label.set(hidden=not on)

    def _choose(self, value: object, on_change: Chosen) -> None:
        if isinstance(value, str) and value in self._options and value != self._chosen:
            self._chosen = value
            on_change(value)


def entry(label: str, given: str, on_change: Chosen, *, kind: str = "text", **attributes: str) -> Tag:
    """A line of text, or a number, behind its label; `on_change` gets it when Enter is pressed or the field left."""
    with tag("label", classes="field"):
        tag("span", label)
        field = tag("input", classes="input", type=kind, defaultValue=given, autocomplete="off", **attributes)
    field.on("change", lambda event: on_change(str(event.args).strip()), js_handler=_VALUE)
    return field


_VALUE = "(event) => emit(event.target.value)"
