"""Rollout: its steps, its guards, its hooks, and whether each step has somebody to judge it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from turnout.resources import sticky
from turnout.resources.checks.destination import check_subset_name
from turnout.resources.checks.header import check_matched_header
from turnout.resources.checks.value import check_duration, check_string_match, check_unique
from turnout.resources.duration import written
from turnout.resources.finding import Findings
from turnout.resources.host import fqdn_fault
from turnout.resources.layout import Path
from turnout.resources.rollout import Rollout, RolloutGuard, RolloutHook, RolloutSpec, RolloutStep
from turnout.resources.spelling import shown

MOST_STEPS, MOST_GUARDS, MOST_HOOKS = 100, 50, 20
GREATEST_CONFIDENCE = 0.9999
LONGEST_HOOK = timedelta(minutes=5)

_CODE = re.compile(r"[1-5]xx|[1-5][0-9][0-9]")
_URL = re.compile(r"https?://([-_.A-Za-z0-9]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?([/?][!-~]*)?")
_METHOD = re.compile(r"[A-Z]+(-[A-Z]+)*")
_STEP_KINDS = ", ".join(f"`{kind}`" for kind in RolloutStep.KINDS)
_GUARD_KINDS = ", ".join(f"`{kind}`" for kind in RolloutGuard.KINDS)


def check_rollout(resource: Rollout, findings: Findings) -> None:
    spec = resource.spec
    at: Path = ("spec",)
    _check_versions(spec, at, findings)
    _check_choices(spec, at, findings)
    if not spec.steps or len(spec.steps) > MOST_STEPS:
        hint = "such as `steps: [{weight: 5}, {weight: 50}]`"
        findings.add("TNO186", (*at, "steps"), f"a rollout has 1 to {MOST_STEPS} steps, not {len(spec.steps)}", hint)
    for number, step in enumerate(spec.steps):
        _check_step(step, spec, (*at, "steps", number), findings)
    _check_rising(spec, (*at, "steps"), findings)
    _check_baselines(spec, (*at, "steps"), findings)
    for number, guard in enumerate(spec.guards or ()):
        _check_guard(guard, (*at, "guards", number), findings)
    _check_judges(spec, at, findings)
    for number, hook in enumerate(spec.hooks):
        _check_hook(hook, (*at, "hooks", number), findings)
    if len(spec.hooks) > MOST_HOOKS:
        findings.add("TNO188", (*at, "hooks"), f"a rollout has at most {MOST_HOOKS} hooks, not {len(spec.hooks)}")


def _check_versions(spec: RolloutSpec, at: Path, findings: Findings) -> None:
    if fault := fqdn_fault(spec.service):
        findings.add("TNO103", (*at, "service"), fault)
    for name, subset in (("from", spec.from_), ("to", spec.to)):
        check_subset_name(subset, (*at, name), findings)
    if spec.from_ == spec.to:
        message = f"`from` and `to` are the same subset, {shown(spec.to)}"
        findings.add("TNO186", (*at, "to"), message, "`from` serves now, `to` shall take over")


def _check_choices(spec: RolloutSpec, at: Path, findings: Findings) -> None:
    if not 0.5 < spec.confidence <= GREATEST_CONFIDENCE:
        hint = f"above 0.5 and at most {GREATEST_CONFIDENCE}; 0.95 is usual: one false alarm in twenty rollouts"
        findings.add("TNO016", (*at, "confidence"), f"a confidence of {spec.confidence:g}", hint)
    impact = spec.max_user_impact
    if impact is not None and not 0 < impact <= 100:
        findings.add("TNO107", (*at, "maxUserImpact"), f"{impact:g} percent is not above 0 and at most 100")
    if spec.sticky and sticky.parsed(spec.sticky) is None:
        findings.add("TNO015", (*at, "sticky"), f"{shown(spec.sticky)} is nothing to split by", sticky.HINT)
    if not spec.methods:
        findings.add("TNO014", (*at, "methods"), "no method is named", "`methods: [GET, HEAD]` is what is copied")
    for number, method in enumerate(spec.methods):
        if not _METHOD.fullmatch(method):
            findings.add("TNO015", (*at, "methods", number), f"{shown(method)} is no HTTP method", "such as GET, POST")
    check_duration(spec.max_time, (*at, "maxTime"), findings)
    _check_least(spec.min_time, (*at, "minTime"), findings)


def _check_least(duration: timedelta | None, at: Path, findings: Findings) -> None:
    if duration:  # 0s asks for no time at all
        check_duration(duration, at, findings)


# --- steps


def _check_step(step: RolloutStep, spec: RolloutSpec, at: Path, findings: Findings) -> None:
    if step.kind is None:
        hint = f"one of {_STEP_KINDS}; a pause until it is resumed is written `pause: {{}}`"
        findings.add("TNO186", at, "the step says nothing to do", hint)
    if step.compare is not None:
        _check_copied(step.compare.percent, (*at, "compare", "percent"), findings)
        _check_copied(step.compare.baseline, (*at, "compare", "baseline"), findings)
    if step.mirror is not None:
        _check_copied(step.mirror.percent, (*at, "mirror", "percent"), findings)
    if step.users is not None:
        _check_users(step, at, findings)
    if step.weight is not None:
        _check_weight(step.weight, (*at, "weight"), findings)
    if step.pause is not None:
        check_duration(step.pause.duration, (*at, "pause", "duration"), findings)
    _check_least(step.min_time, (*at, "minTime"), findings)
    check_duration(step.max_time, (*at, "maxTime"), findings)
    _check_times(step, spec, at, findings)


def _check_copied(percent: float, at: Path, findings: Findings) -> None:
    if not 0 < percent <= 100:
        findings.add("TNO107", at, f"{percent:g} percent of the requests cannot be copied", "above 0 and at most 100")


def _check_users(step: RolloutStep, at: Path, findings: Findings) -> None:
    assert step.users is not None
    if not step.users.headers:
        hint = "such as `users: {headers: {x-group: {exact: beta}}}`"
        findings.add("TNO186", (*at, "users"), "it does not say whose requests", hint)
    for name, match in step.users.headers.items():
        here: Path = (*at, "users", "headers", name)
        check_matched_header(name, here, findings)
        check_string_match(match, here, findings)


def _check_weight(weight: float, at: Path, findings: Findings) -> None:
    if not 0 < weight <= 100:
        findings.add("TNO107", at, f"a weight of {weight:g} percent", "above 0 and at most 100")
    elif Decimal(str(weight)) * 10 % 1:
        findings.add("TNO186", at, f"a weight of {weight:g} percent is too fine", "weights are tenths of a percent")


def _check_times(step: RolloutStep, spec: RolloutSpec, at: Path, findings: Findings) -> None:
    """What is left out comes from the spec; a planned pause takes its duration."""
    if step.pause is not None:
        least, most = step.pause.duration, step.max_time
        if step.min_time is not None:
            hint = "write `pause: {duration: 10m}`"
            findings.add("TNO186", (*at, "minTime"), "a pause takes as long as its duration says", hint)
    else:
        last = step.weight == 100 and step.min_time is None  # to 100 % at once, unless it says otherwise
        least = None if last else step.min_time if step.min_time is not None else spec.min_time
        most = step.max_time if step.max_time is not None else spec.max_time
    if least is not None and most is not None and most < least:
        message = f"it takes at least {written(least)}, and at most {written(most)}"
        findings.add("TNO186", at, message, "`minTime` is at most `maxTime`, here or in `spec`")


def _check_rising(spec: RolloutSpec, at: Path, findings: Findings) -> None:
    before = 0.0
    for number, step in enumerate(spec.steps):
        if step.weight is None:
            continue
        if step.weight <= before:
            message = f"a weight of {step.weight:g} % follows one of {before:g} %"
            findings.add("TNO186", (*at, number, "weight"), message, "weights rise; to go back is what `abort` is for")
        before = step.weight
    reached = [number for number, step in enumerate(spec.steps) if step.weight == 100]
    if reached and reached[0] < len(spec.steps) - 1:
        message = "a step follows 100 %, where the rollout is finished"
        findings.add("TNO186", (*at, reached[0] + 1), message, "a pause comes before the last step")


def _check_baselines(spec: RolloutSpec, at: Path, findings: Findings) -> None:
    compares = [(number, step.compare) for number, step in enumerate(spec.steps) if step.compare is not None]
    for number, compare in compares[1:]:
        if compare.baseline != compares[0][1].baseline:
            message = "all comparisons of a rollout have one baseline"
            findings.add("TNO186", (*at, number, "compare", "baseline"), message, f"{compares[0][1].baseline:g}")


# --- guards


def _check_guard(guard: RolloutGuard, at: Path, findings: Findings) -> None:
    kind = guard.kind
    if kind is None:
        findings.add("TNO187", at, "the guard says nothing to look at", f"one of {_GUARD_KINDS}")
        return
    here: Path = (*at, kind)
    tolerance = getattr(guard, kind).tolerance
    if not 0 < tolerance < 100:
        hint = "percentage points, above 0 and below 100: no number of requests shows that nothing at all is worse"
        findings.add("TNO187", (*here, "tolerance"), f"an increase of {tolerance:g} cannot be tolerated", hint)
    if guard.slow is not None and not 0 < guard.slow.quantile < 1:
        findings.add("TNO187", (*here, "quantile"), f"{guard.slow.quantile:g} is no quantile", "such as 0.99")
    if guard.errors is not None:
        for number, code in enumerate(guard.errors.codes):
            if not _CODE.fullmatch(str(code)):
                findings.add("TNO187", (*here, "codes", number), f"{shown(code)} is no status", "such as 4xx or 429")
    if guard.query is not None:
        _check_query(guard, here, findings)


def _check_query(guard: RolloutGuard, at: Path, findings: Findings) -> None:
    query = guard.query
    assert query is not None
    for name, text in (("bad", query.bad), ("total", query.total)):
        if not text.strip():
            findings.add("TNO187", (*at, name), f"the query `{name}` is empty")
        elif "$version" not in text and "$subset" not in text:
            hint = "it is asked twice, for stable and for the candidate: `$version` or `$subset` tells them apart"
            findings.add("TNO187", (*at, name), f"the query `{name}` is the same for both versions", hint)
    if query.prometheus:
        _check_url(query.prometheus, "TNO187", (*at, "prometheus"), findings)


def _check_judges(spec: RolloutSpec, at: Path, findings: Findings) -> None:
    """Never on nothing: every step but a pause and the last one has a guard that looks at it."""
    check_unique((guard.title for guard in spec.guards or ()), (*at, "guards"), "name", "the name", findings)
    if spec.steps and not list(_judged(spec)):
        hint = "a step of less than 100 % comes first"
        findings.add("TNO186", (*at, "steps"), "nothing is judged before all requests go to the candidate", hint)
    if spec.guards is None:
        return
    if not 0 < len(spec.guards) <= MOST_GUARDS:
        message = f"a rollout has 1 to {MOST_GUARDS} guards, not {len(spec.guards)}"
        findings.add("TNO187", (*at, "guards"), message, "leave `guards` out to have the usual ones")
        return
    kinds = {guard.kind for guard in spec.guards}
    for number, step in _judged(spec):
        wanted = {"regressions"} if step.compare is not None else {"errors", "slow", "query"}
        if not kinds & wanted:
            listed = " or ".join(f"`{kind}`" for kind in sorted(wanted))
            message = f"no guard judges this step, {step.kind}"
            findings.add("TNO187", (*at, "steps", number), message, f"it needs one of the kind {listed}")


def _judged(spec: RolloutSpec) -> Iterator[tuple[int, RolloutStep]]:
    for number, step in enumerate(spec.steps):
        if step.kind not in (None, "pause") and step.weight != 100:
            yield number, step


# --- hooks


def _check_hook(hook: RolloutHook, at: Path, findings: Findings) -> None:
    if hook.exec is None and hook.webhook is None:
        findings.add("TNO188", at, "the hook calls nothing", "`exec: [./notify.sh]`, or `webhook: {url: …}`")
    if hook.exec is not None and not (hook.exec and hook.exec[0]):
        findings.add("TNO188", (*at, "exec"), "the command is empty", "such as `exec: [./notify.sh]`")
    if hook.webhook is not None:
        _check_url(hook.webhook.url, "TNO188", (*at, "webhook", "url"), findings)
    check_duration(hook.timeout, (*at, "timeout"), findings)
    if hook.timeout > LONGEST_HOOK:
        findings.add("TNO188", (*at, "timeout"), f"a hook may take {written(LONGEST_HOOK)} at most")


def _check_url(text: str, code: str, at: Path, findings: Findings) -> None:
    if not _URL.fullmatch(text):
        findings.add(code, at, f"{shown(text)} is no address", "such as http://127.0.0.1:9090")
