"""Tables whose cells change in place: what is focused or selected stays so when figures come in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nicegui import ui

from turnout.web.markup import Tag, tag


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell; `tone` is a CSS class: `good`, `warn`, `bad`, `muted`, `mono`."""

    text: str
    tone: str = ""
    href: str = ""


Row = Sequence[Cell | str]

STACKED_COLUMNS = 6


class Table:
    """`columns`: headings; those that begin with `#` hold figures and stand to the right. The first cell heads its row.

    `empty` is said while there are no rows.
    """

    def __init__(self, caption: str, columns: Sequence[str], empty: str = "nothing yet") -> None:
        self._figures = [column.startswith("#") for column in columns]
        self._columns = [column.lstrip("#") for column in columns]
        self._rows: list[_Row] = []
        # On a phone a table of many columns stands as one card per row, another one scrolls, with the keyboard too.
        wide = "wide" if len(columns) >= STACKED_COLUMNS else ""
        frame = tag("div", classes="table-frame", tabindex="0", role="region", aria_label=caption)
        with frame, tag("table", classes=wide):
            tag("caption", caption, classes="for-readers")
            with tag("thead"), tag("tr"):
                self._headings = [
                    tag("th", column, classes="figure" if figure else "", scope="col")
                    for column, figure in zip(self._columns, self._figures, strict=True)
                ]
            self._body = tag("tbody")
            with tag("tfoot") as self._foot, tag("tr"):
                tag("td", empty, classes="muted", colspan=str(len(columns)))

    def head(self, *columns: str) -> None:
        """Other headings."""
        for heading, column in zip(self._headings, columns, strict=True):
            heading.say(column)

    def show(self, rows: Iterable[Row]) -> None:
        """All rows, as they are now."""
        wanted = list(rows)
        with self._body:
            while len(self._rows) < len(wanted):
                self._rows.append(_Row(self._columns, self._figures))
        while len(self._rows) > len(wanted):
            self._rows.pop().delete()
        for shown, row in zip(self._rows, wanted, strict=True):
            shown.show(row)
        self._foot.set(hidden=bool(wanted))


class _Row:
    def __init__(self, columns: Sequence[str], figures: Sequence[bool]) -> None:
        with tag("tr") as self._row:
            self._cells = [
                _Cell("td" if at else "th", column, figure=figure)
                for at, (column, figure) in enumerate(zip(columns, figures, strict=True))
            ]

    def show(self, row: Row) -> None:
        for cell, content in zip(self._cells, row, strict=True):
            cell.show(content if isinstance(content, Cell) else Cell(content))

    def delete(self) -> None:
        self._row.delete()


class _Cell:
    def __init__(self, kind: str, column: str, *, figure: bool) -> None:
        self._shown = Cell("")
        self._figure = figure
        heads = {"scope": "row"} if kind == "th" else {"data_column": column}
        self._cell = tag(kind, classes="figure" if figure else "", **heads)
        self._link: Tag | None = None

    def show(self, content: Cell) -> None:
        if content == self._shown:
            return
        if bool(content.href) != bool(self._link):
            self._relink(content)
        (self._link or self._cell).say(content.text)
        if self._link:
            self._link.set(href=content.href)
        if content.tone != self._shown.tone:
            self._cell.classes(replace=f"{'figure ' if self._figure else ''}{content.tone}")
        self._shown = content

    def _relink(self, content: Cell) -> None:
        self._cell.clear()
        self._cell.say("")
        self._link = None
        if content.href:
            with self._cell:
                self._link = tag("a", href=content.href)


def figures(pairs: Iterable[tuple[str, str]]) -> dict[str, Tag]:
    """A list of names and figures (`dl`): name → the element of its figure, to be changed with `say`."""
    found = {}
    with tag("dl", classes="figures"):
        for name, figure in pairs:
            with ui.element("div"):
                tag("dt", name)
                found[name] = tag("dd", figure)
    return found
