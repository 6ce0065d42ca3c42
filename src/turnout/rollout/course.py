"""One rollout, one look: what is to be done now, and the doing of it.

Nothing is remembered here. Before anything is done the new state is in the resource's status, so a process that is
killed at any moment is followed by one that goes on: what was decided and not yet done is done then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from turnout.delivery import rollout, steering
from turnout.delivery.blast_radius import FanOut
from turnout.delivery.evidence import Evidence
from turnout.delivery.guard import Verdict
from turnout.delivery.plan import Plan, Routing, capped, guards, routing
from turnout.delivery.rollout import ENDED, Decision, State, Step
from turnout.error import TurnoutError
from turnout.evidence.question import Asked, Question
from turnout.resources.rollout import HookEvent
from turnout.rollout import intent as intents
from turnout.rollout import report
from turnout.rollout import saved as saving
from turnout.rollout.cluster import require_cluster
from turnout.rollout.comparing import Comparing
from turnout.rollout.history import What
from turnout.rollout.impact import cap, fan_out, require_propagation
from turnout.rollout.intent import Intent
from turnout.rollout.order import Order, carried_out
from turnout.rollout.resource import Resource
from turnout.rollout.retreat import Retreat, retreat
from turnout.rollout.saved import Saved
from turnout.rollout.site import Site
from turnout.rollout.traffic import Traffic

_DECISIONS: Mapping[str, What] = {
    "apply": "step",
    "abort": "abort",
    "finish": "finish",
    "halt": "halt",
    "hold": "pause",
}
"""What history calls them; of `wait` it tells nothing."""
_HOOK_EVENTS: Mapping[What, HookEvent] = {"verdict": "verdict", "abort": "finish", "finish": "finish"}
"""Hooks know three kinds of events; all others are steps."""


def advance(site: Site, resource: Resource, comparing: Comparing, held_by: str) -> None:
    """`held_by`: another rollout of the same service that is under way. Raises TurnoutError."""
    saved = resource.saved
    if saved is None or (_is_over(saved) and saved.generation != resource.generation):
        if held_by:
            raise TurnoutError(f"the rollout {held_by} moves {resource.obj['spec']['service']} already")
        _begin(site, resource, comparing)
    elif not _is_over(saved) or resource.order is not None:
        _go_on(site, resource, comparing, saved)


def _is_over(saved: Saved) -> bool:
    return saved.state.phase in ENDED and not saved.pending


def _begin(site: Site, resource: Resource, comparing: Comparing) -> None:
    intent = intents.of(resource.obj)
    if isinstance(intent, list):
        raise TurnoutError("; ".join(str(problem) for problem in intent))
    _traffic(site, intent).require(routing(intent.plan, 0))
    if site.instance is None:
        require_cluster(intent)
    else:
        require_propagation(site.instance, intent)
    percent, now = cap(intent, _known_fan_out(site, intent)), site.clock()
    plan = _capped(intent.plan, percent)
    begun = rollout.begin(plan, now)
    saved = Saved(
        spec=resource.obj["spec"],
        generation=resource.generation,
        state=rollout.limited(plan, begun.state, site.source.durations(intent.versions)),
        wanted=begun.decision.routing,
        started=now,
        cap=None if percent is None else str(percent),
    )
    site.history.forget_looks(resource.namespace, resource.name)
    course = Course(site, resource, comparing, intent, plan, saved, now)
    course.tell("start", f"{intent.versions.stable} → {intent.versions.candidate}")
    course.take(replace(begun, state=saved.state))


def _go_on(site: Site, resource: Resource, comparing: Comparing, saved: Saved) -> None:
    intent = intents.of({**resource.obj, "spec": saved.spec})
    assert not isinstance(intent, list), "it was carried out until now"
    users = (resource.status.get("users") or {}).get("seen")
    plan = replace(_capped(intent.plan, None if saved.cap is None else Decimal(saved.cap)), users=users)
    course = Course(site, resource, comparing, intent, plan, saved, site.clock())
    course.take(course.ordered() or course.overtaken() or course.looked())


def _capped(plan: Plan, percent: Decimal | None) -> Plan:
    return plan if percent is None else capped(plan, percent)


def _known_fan_out(site: Site, intent: Intent) -> FanOut | None:
    """As it is now. That it is not known does not stop a rollout under way."""
    if site.instance is None:
        return None
    try:
        return fan_out(site.instance, intent)
    except TurnoutError:
        return None


def _traffic(site: Site, intent: Intent) -> Traffic:
    return Traffic(site.client, intent, site.instance, site.namespace)


class Course:
    """Methods raise TurnoutError; whatever was not done then is done in the next look."""

    def __init__(
        self,
        site: Site,
        resource: Resource,
        comparing: Comparing,
        intent: Intent,
        plan: Plan,
        saved: Saved,
        now: float,
    ) -> None:
        self._site = site
        self._resource = resource
        self._comparing = comparing
        self._intent = intent
        self._plan = plan
        self._saved = saved
        self._now = now
        self._order: Order | None = None
        self._why = ""

    # --- what follows

    def ordered(self) -> Step | None:
        """From what people have ordered; None of nothing."""
        order = self._resource.order
        if order is None:
            return None
        try:
            step = carried_out(self._plan, self._saved.state, order, self._now)
        except TurnoutError as error:
            self.tell("order", f"{order.verb}: {error.message}")
            self._resource.took(order, self._now, error.message)
            return None
        self._order = order
        return step

    def overtaken(self) -> Step | None:
        """From what others did to the routes: whoever moves weights during a rollout has a reason; it waits for him."""
        saved = self._saved
        if saved.pending or saved.state.phase != "running":
            return None
        traffic = _traffic(self._site, self._intent)
        if traffic.routing == steering.written(saved.wanted):
            return None
        found = traffic.strange if traffic.routing is None else _words(self._intent, traffic.routing)
        why = f"the routes were changed by somebody else: {found}; last by {traffic.by_whom()}"
        self.tell("change", why)
        return rollout.pause(self._plan, saved.state, why)

    def looked(self) -> Step:
        """From one more look at the evidence."""
        state = self._saved.state
        if state.phase in ENDED:
            return rollout.step(self._plan, state, None, self._now)
        state = self._limited(state)
        return rollout.step(self._plan, state, self._evidence(state), self._now)

    def _limited(self, state: State, *, anew: bool = False) -> State:
        """`anew`: each step is judged by what was usual shortly before it."""
        slow = {guard.name for guard in self._plan.guards if guard.kind == "slow"}
        if not slow or (slow <= state.limits.keys() and not anew):
            return state
        try:
            durations = self._site.source.durations(self._intent.versions)
        except TurnoutError:  # those that are known will do
            return state
        return rollout.limited(self._plan, state, durations, anew=anew)

    def _evidence(self, state: State) -> Evidence | None:
        try:
            evidence = self._site.source.look(self._question(state))
        except TurnoutError as error:
            self._why = error.message
            return None
        self._why = "; ".join(self._site.source.problems)
        return replace(evidence, compared=self._comparing.seen(self._intent)) if evidence else None

    def _question(self, state: State) -> Question:
        intent = self._intent
        asked = [
            Asked(
                guard,
                codes=intent.codes.get(guard.name, ()),
                limit=state.limits.get(guard.name),
                query=intent.queries.get(guard.name),
            )
            for guard in guards(self._plan, state.at)
        ]
        copies = routing(self._plan, state.at).mirror_percent > 0
        return Question(intent.versions, copies, asked, step=f"{state.at}", seen=state.seen)

    # --- doing it

    def take(self, step: Step) -> None:
        """Remembers it, tells it, does it."""
        decision, moves = step.decision, step.decision.action in ("apply", "abort")
        before = self._saved
        if decision.action == "apply" and step.state.at != before.state.at:
            step = replace(step, state=self._limited(step.state, anew=True))
        self._saved = replace(
            before,
            state=step.state,
            wanted=decision.routing if moves else before.wanted,
            pending=before.pending or moves,
        )
        if self._saved.pending and self._saved.state.phase == "aborted":
            self._go_back(replace(decision, action="abort"), before.state)
            return
        if self._order is not None:
            self.tell("order", self._order.verb)
        if decision.action != "halt" or before.state.phase != "halted":
            self._tell_of(decision, before.state.at)
        self._compare()
        self._save(decision)
        if self._order is not None:
            self._resource.took(self._order, self._now, "")
        if self._saved.pending:
            self._write_change(self._moved(decision))

    def _go_back(self, decision: Decision, before: State) -> None:
        """Requests first; all are told once no more of them go to the candidate."""
        self._resource.write(self._status(decision))
        try:
            change = self._moved(decision)
        finally:
            if self._order is not None:
                self._resource.took(self._order, self._now, "")
        if self._order is not None:
            self.tell("order", self._order.verb)
        self._tell_of(decision, before.at)
        served = self._now + change["seconds"]
        found = self._retreat(before, change["seconds"])
        change |= {"lastCandidateAnswerSeconds": found.last_seconds, "underWay": found.under_way}
        met = self._users(until=served)
        words = _retreat_words(change) if self._site.source.prompt else _accepted_words(change)
        self.tell("change", words, detail={**change, **met})
        self._write_change(change, **self._blast(), **met)

    def _save(self, decision: Decision) -> None:
        self._resource.write({**self._status(decision), **self._blast(), **self._users()})

    def _status(self, decision: Decision) -> dict[str, Any]:
        """All but what takes time to find out."""
        why = "; ".join(part for part in (decision.why, self._why) if part)
        status = report.status(self._plan, self._saved, decision.verdicts, why)
        over, known = self._saved.state.phase in ENDED, self._resource.status.get("finishedAt")
        status["finishedAt"] = (known or self._now) if over else None
        return status

    def _blast(self) -> dict[str, Any]:
        fan_out = _known_fan_out(self._site, self._intent)
        return {"blast": report.blast(self._plan, self._saved.wanted, fan_out)}

    def _users(self, until: float | None = None) -> dict[str, Any]:
        """Those of a sticky split, while it lasts; asked for before it begins, so that none is missed."""
        if not self._intent.sticky:
            return {"users": None}
        if self._saved.state.phase in ENDED and until is None:
            return {}
        name = f"{self._resource.namespace}/{self._resource.name}/{self._saved.started}"
        return {"users": report.users(self._site.users(name, self._intent.versions, until))}

    def _moved(self, decision: Decision) -> dict[str, Any]:
        """One change of all routes. What it took is measured from the look on which it was decided."""
        outcome = _traffic(self._site, self._intent).move(self._saved.wanted, decision.why)
        self._saved = replace(self._saved, pending=False)
        return {
            "at": self._now,
            "why": decision.why,
            "seconds": round(self._site.clock() - self._now, 4),
            "servedSeconds": round(outcome.seconds, 4) if outcome else None,
            "acknowledged": outcome.acknowledged if outcome else True,
            "lastCandidateAnswerSeconds": None,
            "underWay": 0,
        }

    def _write_change(self, change: Mapping[str, Any], **more: Any) -> None:
        self._resource.write({"engine": saving.text(self._saved), "lastChange": change, **more})

    def _retreat(self, before: State, seconds: float) -> Retreat:
        """Of the candidate; `seconds` after the look its requests were taken from it."""
        if not self._site.source.prompt:
            return Retreat(None)
        copies = routing(self._plan, before.at).mirror_percent > 0
        question = Question(self._intent.versions, copies, guards=(), step=f"{before.at}")
        return retreat(self._site.source, question, before.seen, seconds)

    def _compare(self) -> None:
        state = self._saved.state
        stage = self._plan.steps[state.at]
        if state.phase not in ("running", "paused") or not routing(self._plan, state.at).compare:
            return
        try:
            self._comparing.want(self._intent, self._plan, stage)
        except TurnoutError as error:
            self._why = error.message

    # --- telling it

    def _tell_of(self, decision: Decision, judged: int) -> None:
        """`judged`: the step that verdicts are of; where the next one is applied, it is that before."""
        keys = {f"{judged} {v.guard} {v.kind}": v for v in decision.verdicts if v.kind != "open"}
        for key, verdict in keys.items():
            if key not in self._saved.told:
                self.tell("verdict", verdict.words, [verdict], step=judged)
        if (what := _DECISIONS.get(decision.action)) is not None:
            met = {"users": self._resource.status.get("users")} if what == "finish" and self._intent.sticky else None
            self.tell(what, decision.why, decision.verdicts, met)
        if decision.verdicts:
            look = report.look(judged, decision.verdicts, self._now)
            self._site.history.look(self._resource.namespace, self._resource.name, look)
        self._saved = replace(self._saved, told=tuple(keys))

    def tell(
        self,
        what: What,
        text: str,
        verdicts: Sequence[Verdict] = (),
        detail: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> None:
        """To history and to hooks; `step`: unless it is the present one."""
        state = self._saved.state
        event = {
            "at": round(self._now, 3),
            "what": what,
            "step": state.at if step is None else step,
            "phase": state.phase,
            "text": text,
            "verdicts": [report.verdict_json(self._plan, verdict) for verdict in verdicts],
            "detail": detail,
        }
        self._site.history.tell(self._resource.namespace, self._resource.name, event)
        wanted = [hook for hook in self._intent.hooks if hook.wants(_HOOK_EVENTS.get(what, "step"))]
        if wanted:
            names = {"namespace": self._resource.namespace, "rollout": self._resource.name}
            self._site.tell(wanted, {**names, "service": self._intent.versions.host, **event})


def _words(intent: Intent, found: Routing) -> str:
    copies = f", {found.mirror_percent.normalize():f} % copied" if found.mirror_percent else ""
    total = found.stable + found.candidate
    return f"{intent.versions.candidate} has {100 * found.candidate / total:g} %{copies}"


def _retreat_words(change: Mapping[str, Any]) -> str:
    last, under_way = change["lastCandidateAnswerSeconds"], change["underWay"]
    after = (
        "the candidate answered nothing more" if last is None else f"its last answer came after {1000 * last:.0f} ms"
    )
    if under_way:
        after = f"the candidate still had {under_way} requests to answer"
    return f"all requests are back at stable {1000 * change['seconds']:.0f} ms after the look that told; {after}"


def _accepted_words(change: Mapping[str, Any]) -> str:
    """Where nobody tells when it is in force, nor who still waits for an answer."""
    return (
        f"all requests go back to stable: the API took that {1000 * change['seconds']:.0f} ms after the look that told"
    )
