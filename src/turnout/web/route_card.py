"""One route on the page: in words, with what can be moved and switched, and the bar that confirms it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from turnout.client import Client
from turnout.delivery.edit import RouteChange
from turnout.error import TurnoutError
from turnout.web.draft import Copies, Mirror, Weights, percent_words
from turnout.web.field import Select
from turnout.web.figure import milliseconds
from turnout.web.markup import Tag, tag
from turnout.web.percent import Percent
from turnout.web.prose import prose
from turnout.web.route import Done, Route, Share, set_mirror, set_weights
from turnout.web.visit import Visit

Subsets = Mapping[str, Sequence[str]]
"""Host → the subsets that it has."""
Apply = Callable[[], Awaitable[None]]
SAFE = ("GET", "HEAD")
VERSIONS = 6
"""Kinds of `version-1` to `version-6`: colours that tell versions apart."""
PUT_BEFORE = {
    "mirror": "`turnout mirror` has put this before the next route; what is changed there, is changed here too.",
    "users": "A rollout has put this before the next route: this group of its users gets the candidate already.",
}
HANDED_ON = "It is accepted; Istio hands it to the proxies by itself."
UNCONFIRMED = "It is accepted, but Envoy has not confirmed it yet: see Problems."


@dataclass(slots=True)
class Wishes:
    """What somebody wants of a route; it outlives the elements that show it."""

    weights: Weights
    mirror: Mirror
    said: str = ""
    failed: bool = False

    @classmethod
    def of(cls, route: Route) -> Wishes:
        return cls(Weights([share.percent for share in route.shares]), Mirror(route.copies))


class RouteCard:
    """Elements of one route. `show` changes texts and figures only; another set of destinations needs another card."""

    def __init__(self, visit: Visit, number: int, route: Route, wishes: Wishes) -> None:
        self._visit = visit
        self._route = route
        self._wishes = wishes
        with tag("li", classes="card rule", id=element_id(route)):
            with tag("div", classes="rule-head"):
                tag("span", str(number), classes="rule-number", aria_hidden="true")
                tag("h3", route.name or f"route {number}")
                self._where = tag("code", classes="where muted")
            self._when = tag("ul", classes="rule-when")
            self._then = tag("p", classes="rule-then")
            self._controls()
            self._said = tag("p", classes="rule-said", role="status", tabindex="-1")
        self._say(wishes.said, failed=wishes.failed)
        self._matches: object = None

    def _controls(self) -> None:
        self._weights = self._mirror = None
        shares, wishes = self._route.shares, self._wishes
        if self._route.part:
            prose("p", PUT_BEFORE[self._route.part], classes="muted")
            return
        self._weights = _WeightsPart(self._route, wishes.weights, self._apply_weights) if len(shares) > 1 else None
        self._mirror = _MirrorPart(self._route, wishes.mirror, self._apply_mirror) if shares else None

    def show(self, shown: Mapping[str, Any], route: Route, subsets: Subsets) -> None:
        """The route as it is now."""
        self._route = route
        self._where.say(shown["where"])
        self._then.say(shown["then"])
        if shown["matches"] != self._matches:
            self._matches = shown["matches"]
            self._show_matches(shown["matches"])
        self._follow([share.percent for share in route.shares], route.copies)
        if self._weights:
            self._weights.show()
        if self._mirror:
            self._mirror.offer(route, subsets)
            self._mirror.show()

    def _follow(self, live: Sequence[Decimal], copies: Copies) -> None:
        """What was said of the last change holds until the next one, whoever makes it."""
        wishes = self._wishes
        if (list(live), copies) != (list(wishes.weights.live), wishes.mirror.live) and not wishes.failed:
            self._say("", failed=False)
        wishes.weights.follow(live)
        wishes.mirror.follow(copies)

    def _show_matches(self, matches: Sequence[Mapping[str, Any]]) -> None:
        self._when.clear()
        with self._when:
            for at, match in enumerate(matches):
                with tag("li"):
                    tag("span", "when " if at == 0 else "or when ", classes="muted")
                    tag("span", match["words"])
                    if match["why_not"]:
                        tag("span", f"never: {match['why_not']}", classes="pill warn")

    async def _apply_weights(self) -> None:
        wanted = tuple(self._wishes.weights.wanted)
        route = self._route
        if await self._carry_out(lambda client: set_weights(client, route, wanted)):
            self._wishes.weights.follow(wanted)

    async def _apply_mirror(self) -> None:
        wanted, route = self._wishes.mirror.wanted, self._route
        if await self._carry_out(lambda client: set_mirror(client, route, wanted)):
            self._wishes.mirror.follow(wanted)

    async def _carry_out(self, act: Callable[[Client], Done]) -> bool:
        """Whether it is done; if not, it says why, and what was wanted stays."""
        self._said.run_method("focus")  # the button that was pressed goes away
        try:
            done = await self._visit.ask(act)
        except TurnoutError as error:
            self._say(f"{error.message}: {error.hint}" if error.hint else error.message, failed=True)
            return False
        self._say(done_words(done), failed=done.acknowledged is False)
        return True

    def _say(self, text: str, *, failed: bool) -> None:
        self._wishes.said, self._wishes.failed = text, failed
        self._said.say(text)
        self._said.tone("bad", on=failed)
        self._said.tone("good", on=not failed)


class _WeightsPart:
    """A slider per destination. Sliders follow what others change, but for those that somebody has moved."""

    def __init__(self, route: Route, weights: Weights, apply: Apply) -> None:
        self._names = names(route.shares)
        self._weights = weights
        with tag("fieldset", classes="shares"):
            tag("legend", "Weights")
            self._bars = _stacked(self._names)
            self._percents = [
                Percent(name, f"{name}, percent of {route.virtual_service} {route.label}", self._mover(at)).classes(
                    f"version-{at % VERSIONS + 1}"
                )
                for at, name in enumerate(self._names)
            ]
            self._confirm = _Confirm("weights", apply, self._discard, self.show)

    def _mover(self, at: int) -> Callable[[Decimal], None]:
        def move(percent: Decimal) -> None:
            self._weights.move(at, percent)
            self.show()

        return move

    def _discard(self) -> None:
        self._weights.discard()
        self.show()

    def show(self) -> None:
        for percent, bar, wanted in zip(self._percents, self._bars, self._weights.wanted, strict=True):
            percent.show(wanted)
            percent.enable(on=not self._confirm.busy)
            bar.set(style=f"flex-grow: {wanted}")
        self._confirm.show(weights_words(self._names, self._weights), overtaken=self._weights.overtaken)


def _stacked(labels: Sequence[str]) -> list[Tag]:
    """All shares as one bar: what the sliders say, at a glance."""
    with tag("div", classes="stacked", aria_hidden="true"):
        return [tag("span", classes=f"version-{at % VERSIONS + 1}") for at, _ in enumerate(labels)]


class _MirrorPart:
    """A switch, and when it is on: where copies go, how many of a hundred, of which methods."""

    def __init__(self, route: Route, mirror: Mirror, apply: Apply) -> None:
        self._route = route
        self._mirror = mirror
        self._subsets: list[tuple[str, str]] = []
        with tag("fieldset", classes="mirror") as self._part:
            tag("legend", "Mirror", classes="for-readers")
            with tag("div", classes="mirror-row"):
                self._switch = tag(
                    "button", classes="switch", type="button", role="switch", aria_label=f"mirror {route.label}"
                )
                self._switch.on("click", self._toggle)
                tag("span", "Mirror", classes="mirror-name")
                self._off = tag("span", "no request is copied", classes="muted")
                with tag("div", classes="mirror-row") as self._on:
                    self._to = Select("to subset", {}, "", lambda to: self._want(to=self._subsets[int(to)]))
                    self._methods = Select("Methods", {}, "", lambda methods: self._want(methods=_split(methods)))
            self._percent = Percent(
                "copied", f"copied of a hundred requests of {route.label}", lambda p: self._want(percent=p)
            )
            self._confirm = _Confirm("mirror", apply, self._discard, self.show)

    def offer(self, route: Route, subsets: Subsets) -> None:
        """Where copies may go: to the subsets of the services that the route leads to."""
        self._route = route
        hosts = dict.fromkeys(share.host for share in self._route.shares)
        self._subsets = [(host, subset) for host in hosts for subset in _versions(self._route, host, subsets)]
        live = self._mirror.live.to
        if live and live not in self._subsets:
            self._subsets.append(live)

    def show(self) -> None:
        wanted = self._mirror.wanted
        self._part.set(hidden=not self._subsets)
        self._switch.set(aria_checked="true" if wanted.to else "false", disabled=self._confirm.busy)
        self._off.set(hidden=wanted.to is not None)
        self._on.set(hidden=wanted.to is None)
        self._percent.set_visibility(wanted.to is not None)
        self._percent.show(wanted.percent)
        if wanted.to:
            self._to.offer({str(at): _target(to, self._subsets) for at, to in enumerate(self._subsets)})
            self._to.choose(str(self._subsets.index(wanted.to)))
            self._methods.offer(_method_options(self._mirror))
            self._methods.choose(",".join(wanted.methods))
        self._confirm.show(mirror_words(self._mirror), overtaken=self._mirror.overtaken)

    def _toggle(self) -> None:
        if self._mirror.wanted.to:
            self._want(to=None)
        else:
            self._want(to=self._mirror.live.to or self._likely())

    def _likely(self) -> tuple[str, str]:
        """Whoever gets the fewest requests."""
        percents = {(share.host, share.subset): share.percent for share in self._route.shares}
        return min(self._subsets, key=lambda to: percents.get(to, 0))

    def _want(self, **changes: Any) -> None:
        self._mirror.want(replace(self._mirror.wanted, **changes))
        self.show()

    def _discard(self) -> None:
        self._mirror.discard()
        self.show()


def _versions(route: Route, host: str, subsets: Subsets) -> Sequence[str]:
    """Of Gateway API's routes versions are Services, and those that a route leads to are told apart by host."""
    return subsets.get(host, ()) if route.is_of_istio else ("",)


class _Confirm:
    """Before → after, and the two buttons; not there while nothing is to be confirmed."""

    def __init__(self, what: str, apply: Apply, discard: Callable[[], None], show: Callable[[], None]) -> None:
        self.busy = False
        self._apply = apply
        self._show = show
        with tag("div", classes="confirm", hidden=True) as self._bar:
            self._words = tag("span", classes="confirm-words", role="status")
            self._overtaken = tag("span", "changed by somebody else meanwhile", classes="pill warn", hidden=True)
            with tag("span", classes="confirm-buttons"):
                self._discard_button = tag("button", "Discard", classes="button", type="button")
                self._discard_button.set(aria_label=f"Discard {what}")
                self._apply_button = tag("button", "Apply", classes="button primary", type="button")
                self._apply_button.set(aria_label=f"Apply {what}")
        self._discard_button.on("click", discard)
        self._apply_button.on("click", self._applied)

    def show(self, words: str, *, overtaken: bool) -> None:
        """Without words there is nothing to confirm."""
        self._words.say(words)
        self._overtaken.set(hidden=not overtaken)
        self._bar.set(hidden=not words)
        for button in (self._apply_button, self._discard_button):
            button.set(disabled=self.busy)
        self._apply_button.say("Applying…" if self.busy else "Apply")

    async def _applied(self) -> None:
        if self.busy:
            return
        self.busy = True
        self._show()
        try:
            await self._apply()
        finally:
            self.busy = False
            self._show()


# --- words


def element_id(route: Route) -> str:
    """Of its card."""
    kind = "" if route.is_of_istio else f"{route.kind}-"
    return f"route-{kind}{route.namespace}-{route.virtual_service}-{route.index}"


def names(shares: Sequence[Share]) -> list[str]:
    """The shortest names that tell destinations apart."""
    short = [share.name for share in shares]
    if len(set(short)) == len(short):
        return short
    return [f"{share.service} {share.subset} {share.port or ''}".strip() for share in shares]


def weights_words(labels: Sequence[str], weights: Weights) -> str:
    """`v1 100 → 50 %, v2 0 → 50 %`; empty when nothing is to change."""
    if not weights.changed:
        return ""
    rows = zip(labels, weights.live, weights.wanted, strict=True)
    return ", ".join(f"{label} {percent_words(old)} → {percent_words(new)} %" for label, old, new in rows)


def mirror_words(mirror: Mirror) -> str:
    """`mirror: off → 10 % of GET, HEAD to v2`; empty when nothing is to change."""
    return f"mirror: {_copies_words(mirror.live)} → {_copies_words(mirror.wanted)}" if mirror.changed else ""


def _copies_words(copies: Copies) -> str:
    if copies.to is None:
        return "off"
    methods = f" of {', '.join(copies.methods)}" if copies.methods else ""
    return f"{percent_words(copies.percent)} %{methods} to {copies.to[1] or copies.to[0].partition('.')[0]}"


def done_words(done: Done) -> str:
    """What was changed, and since when Envoy serves it."""
    if not done.changes:
        return "Nothing to change."
    changed = "; ".join(dict.fromkeys(map(_change_words, done.changes)))
    took = in_force_words(done.acknowledged, done.seconds)
    return " ".join([f"{changed}.", took, *(f"Warning: {warning}" for warning in done.warnings)])


def in_force_words(acknowledged: bool | None, seconds: float) -> str:
    """None: nobody tells, as on a cluster."""
    if acknowledged is None:
        return HANDED_ON
    return f"Envoy serves it after {milliseconds(seconds * 1000)}." if acknowledged else UNCONFIRMED


def _change_words(change: RouteChange) -> str:
    return ", ".join(f"{key} {change.before.get(key, '-')} → {after}" for key, after in change.after.items())


def _target(to: tuple[str, str], subsets: Sequence[tuple[str, str]]) -> str:
    host, subset = to
    service = host.partition(".")[0]
    return subset if subset and len({host for host, _ in subsets}) == 1 else f"{service} {subset}".strip()


def _method_options(mirror: Mirror) -> dict[str, str]:
    """`GET,HEAD` → what is shown; what is live or wanted is always among them."""
    offered = [(), SAFE, mirror.live.methods, mirror.wanted.methods]
    return {",".join(m): f"{', '.join(m)} only" if m else "all" for m in offered}


def _split(methods: str) -> tuple[str, ...]:
    return tuple(filter(None, methods.split(",")))
