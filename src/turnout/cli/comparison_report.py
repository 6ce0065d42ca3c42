"""A comparison's report in the terminal: the worst first, examples side by side, noise in a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from turnout.cli import comparison_words as words
from turnout.delivery.comparison.words import Json
from turnout.delivery.comparison.words import examples as examples_of

COLORS = {
    "regression": "bold red",
    "difference": "bold yellow",
    "unsure": "bold cyan",
    "unclear": "cyan",
    "same": "bold green",
}
_INDENT = 14


def report(view: Json) -> RenderableType:
    """From the JSON of the view `comparison`."""
    return Group(*_parts(view))


def _parts(view: Json) -> Iterator[RenderableType]:
    yield Text(words.headline(view), COLORS[words.verdict_of(view)])
    yield Text(words.what_it_is(view), "dim")
    for warning in words.warnings(view):
        yield Text(f"warning: {warning}", "yellow")
    for route in words.report_of(view).get("routes") or ():
        yield Text("")
        yield from _route(route, view)
    accepting = words.accepting(view)
    rest = [*words.not_counted(view), *([f"if the differences are meant to be: {accepting}"] if accepting else [])]
    if rest:
        yield Text("")
        yield from (Text(line, "dim") for line in rest)


def _route(route: Json, view: Json) -> Iterator[RenderableType]:
    yield Text.assemble((route["route"], "bold"), f": {words.compared(route, view['from'])}")
    for field in words.fields(route, "regression", "difference"):
        yield _line(field["class"], words.title(field), COLORS[field["class"]])
        yield _line("", words.rates(field, view["from"]))
        if field["examples"]:
            yield Padding(_examples(examples_of(field), view), (0, 0, 0, _INDENT), expand=False)
    unclear = words.fields(route, "unclear")
    for field in unclear[: words.MOST_LISTED]:
        said = f"{words.title(field)} {words.rates(field, view['from'])}{words.needed(field)}"
        yield _line("unclear", said, COLORS["unclear"])
    if len(unclear) > words.MOST_LISTED:
        yield _line("unclear", f"and {len(unclear) - words.MOST_LISTED:,} fields more", COLORS["unclear"])
    for label, said in _rest(route, view):
        if said:
            yield _line(label, said, "dim")


def _rest(route: Json, view: Json) -> Iterator[tuple[str, str]]:
    yield "noise", words.paths(words.fields(route, "noise"))
    yield "", words.blind(route)
    yield "accepted", words.paths(words.fields(route, "accepted"))
    quantiles = words.latency(route, view)
    yield "latency", f"p50 / p90 / p99 in ms: {quantiles}" if quantiles else ""
    yield "known", words.known(route)
    for lack in words.lacks(route, view):
        yield "not told", lack


def _line(label: str, said: str, style: str = "") -> RenderableType:
    """A label in its column; what is said is wrapped beside it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_INDENT - 3, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label, style), Text(said, style if label else ""))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _examples(examples: Sequence[Json], view: Json) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("REQUEST", str(view["from"]).upper(), str(view["to"]).upper()):
        table.add_column(name, overflow="fold")
    for example in examples:
        request = f"{example['request']} at {example['at']}" if "[" in example["at"] else example["request"]
        table.add_row(Text(request, "dim"), Text(_value(example["stable"])), Text(_value(example["candidate"])))
    return table


def _value(value: str | None) -> str:
    return "(nothing)" if value is None else value
