"""A question before something happens: the browser's own dialog, which keeps the focus, and gives it back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from turnout.web.markup import Tag, tag

_CANCEL = "(event) => event.target.closest('dialog').close()"
_CONFIRM = "(event) => { event.target.closest('dialog').close(); emit(); }"


class Dialog:
    """`question` heads it, `verb` is what its button says; `act` is called when that is pressed. Escape closes it."""

    def __init__(self, question: str, verb: str, act: Callable[[], Awaitable[None]], *, grave: bool = False) -> None:
        with tag("dialog", classes="question") as self._dialog:
            heading = tag("h2", question)
            self._words = tag("p")
            with tag("div", classes="confirm-buttons"):
                cancel = tag("button", "Cancel", classes="button", type="button")
                confirm = tag("button", verb, classes=f"button {'grave' if grave else 'primary'}", type="button")
        self._dialog.set(aria_labelledby=heading.html_id, aria_describedby=self._words.html_id)
        cancel.on("click", js_handler=_CANCEL)
        confirm.on("click", act, js_handler=_CONFIRM)

    def opens_at(self, button: Tag) -> None:
        """When it is pressed; at once, without the server."""
        button.on("click", js_handler=f"() => document.getElementById('{self._dialog.html_id}').showModal()")

    def say(self, words: str) -> None:
        """What will happen."""
        self._words.say(words)

    def close(self) -> None:
        """There is nothing to ask any more."""
        self._dialog.run_method("close")
