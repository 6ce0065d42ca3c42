"""A comparison's report as one HTML file, which needs nothing else: to be mailed, kept, attached to a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from turnout.cli import comparison_words as words
from turnout.delivery.comparison.words import LATENCY, Json
from turnout.delivery.comparison.words import examples as examples_of

# No script, and nothing is loaded: answers of a service are shown, whatever they hold.
_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --back: #fff; --text: #1c2024; --quiet: #5b6370; --line: #d8dce2; --red: #b42318; --amber: #8a5300;
  --blue: #175cd3; --green: #067647; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --back: #14171a; --text: #e6e8eb; --quiet: #9aa3af; --line: #343a42; --red: #ff8a80; --amber: #f5c26b;
    --blue: #84adff; --green: #6ce9a6; }} }}
body {{ background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; margin: 0; }} h2 {{ font-size: 1.2rem; margin: 2.5rem 0 .5rem; }} h3 {{ font-size: 1rem;
  margin: 1.5rem 0 .25rem; }}
p {{ margin: .25rem 0; }} .quiet {{ color: var(--quiet); }}
.regression {{ color: var(--red); }} .difference, .warning {{ color: var(--amber); }}
.unsure, .unclear {{ color: var(--blue); }} .same {{ color: var(--green); }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; min-width: 36rem; margin: .5rem 0; table-layout: fixed; }}
th:nth-child(2) {{ width: 18%; }}
th, td {{ border-bottom: 1px solid var(--line); padding: .25rem .75rem .25rem 0; text-align: left;
  vertical-align: top; }}
th {{ color: var(--quiet); font-weight: normal; }}
td, code {{ font-family: ui-monospace, monospace; font-size: .875rem; overflow-wrap: anywhere; }}
</style>
</head>
<body>
"""


def page(view: Json) -> str:
    """From the JSON of the view `comparison`."""
    return "\n".join(_parts(view)) + "\n</body>\n</html>\n"


def _parts(view: Json) -> Iterator[str]:
    verdict = words.verdict_of(view)
    yield _HEAD.format(title=escape(f"{view['service']}: {verdict}"))
    yield f'<h1 class="{verdict}">{escape(words.headline(view))}</h1>'
    yield _quiet(words.what_it_is(view))
    yield _quiet(f"begun {_moment(view['started'])}" + (f", ended {_moment(view['ended'])}" if view["ended"] else ""))
    for warning in words.warnings(view):
        yield f'<p class="warning">{escape(warning)}</p>'
    for route in words.report_of(view).get("routes") or ():
        yield from _route(route, view)
    rest = list(words.not_counted(view))
    if rest:
        yield "<h2>Besides</h2>"
        yield from map(_quiet, rest)


def _route(route: Json, view: Json) -> Iterator[str]:
    yield f"<h2>{escape(route['route'])}</h2>"
    yield f"<p>{escape(words.compared(route, view['from']))}; {escape(words.known(route))}</p>"
    for field in words.fields(route, "regression", "difference"):
        yield f'<h3 class="{escape(field["class"])}">{escape(field["class"])}: {escape(words.title(field))}</h3>'
        yield f"<p>{escape(words.rates(field, view['from']))}</p>"
        yield from _examples(examples_of(field), view)
    for field in words.fields(route, "unclear"):
        said = f"{words.title(field)} {words.rates(field, view['from'])}{words.needed(field)}"
        yield f'<p><span class="unclear">unclear</span>: {escape(said)}</p>'
    for name in ("noise", "accepted"):
        yield from _others(name, words.fields(route, name), view)
    quantiles = words.latency(route, view)
    if quantiles:
        yield _quiet(f"latency, p50 / p90 / p99 in ms: {quantiles}")
    yield from (_quiet(f"not compared: {lack}") for lack in words.lacks(route, view))


def _examples(examples: Sequence[Json], view: Json) -> Iterator[str]:
    if not examples:
        return
    yield '<div class="wide">'
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("request", "at", view["from"], view["to"]))
    rows = (
        "".join(f"<td>{_value(example[name])}</td>" for name in ("request", "at", "stable", "candidate"))
        for example in examples
    )
    yield f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table></div>"


def _others(name: str, fields: Sequence[Json], view: Json) -> Iterator[str]:
    """Noise and what was accepted: all of it, but closed."""
    if not fields:
        return
    yield f"<details><summary>{name}: {escape(words.paths(fields) or LATENCY)}</summary>"
    for field in fields:
        by = field["accepted_by"]
        why = f" (accepted by {by['path']}{': ' + by['why'] if by['why'] else ''})" if by else ""
        yield _quiet(f"{words.title(field)} {words.rates(field, view['from'])}{why}")
    yield "</details>"


def _value(value: str | None) -> str:
    return '<span class="quiet">(nothing)</span>' if value is None else escape(value)


def _quiet(said: str) -> str:
    return f'<p class="quiet">{escape(said)}</p>'


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
