"""`turnout rollout start`: show what a rollout will touch, begin it, and follow it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from turnout.cli.change import stable_of
from turnout.cli.options import Target, connect, opened, own_namespace_option, target_options
from turnout.cli.rollout import draft, lookup, preview
from turnout.cli.rollout.follow import follow
from turnout.cli.rollout.lookup import Kept, Object
from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.rollout.intent import Intent

BEGUN_SECONDS = 15.0
_LOOK_SECONDS = 0.1


def _as(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """An option's callback: what the parser refuses with a ValueError is wrong usage, exit status 2."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(parse(item) for item in value)
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return callback


@click.command("start")
@click.argument("what", metavar="SERVICE|FILE")
@click.option("--to", metavar="SUBSET", help="The version that shall take over.")
@click.option("--from", "from_", metavar="SUBSET", help="The version that serves now [default: which has most weight].")
@click.option(
    "--steps",
    "steps_text",
    metavar="STEP,…",
    help=f"Weights in percent, compare, mirror, mirror:50, users, pause, pause:10m [default: {draft.STEPS}].",
)
@click.option(
    "--guard",
    "guards",
    metavar="KIND:TOLERANCE",
    multiple=True,
    callback=_as(draft.guard),
    help="What must not grow by more percentage points: errors:1, errors:1:4xx, slow:5, slow:p90:5, regressions:5.",
)
@click.option(
    "--users",
    metavar="header:NAME=VALUE",
    multiple=True,
    help="Whose requests the step `users` sends to the new version; or cookie:NAME=VALUE.",
)
@click.option("--min-time", metavar="TIME", callback=_as(draft.duration), help="A step takes at least [default: 1m].")
@click.option("--max-time", metavar="TIME", callback=_as(draft.duration), help="A step takes at most [default: 1h].")
@click.option("--on-timeout", type=click.Choice(("hold", "abort")), help="What to do when time is up [default: hold].")
@click.option("--confidence", metavar="SHARE", callback=_as(draft.confidence), help="How sure to be [default: 0.95].")
@click.option(
    "--max-user-impact",
    metavar="PERCENT",
    callback=_as(draft.percent),
    help="Lower weights that would touch more of the users' requests: 5%.",
)
@click.option("--sticky", metavar="KEY", help="Split by header:NAME, cookie:NAME or request, not request by request.")
@click.option("--route", metavar="NAME", help="Only the HTTP route of this name.")
@click.option("--name", metavar="NAME", help="The Rollout's name [default: SERVICE-SUBSET].")
@click.option(
    "--expectations",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Differences that `turnout compare` accepts.",
)
@click.option("--hook-exec", metavar="COMMAND", multiple=True, help="Run it on each event, with JSON on its stdin.")
@click.option("--hook-webhook", metavar="URL", multiple=True, help="POST each event there, as JSON.")
@click.option("--hook-secret", metavar="FILE", help="Holds the key that webhooks are signed with.")
@click.option("--follow/--no-follow", "follows", default=True, help="Watch it until it ends [default: follow].")
@click.option("--dry-run", is_flag=True, help="Only show the plan, and what is wrong with it.")
@own_namespace_option
@target_options
def command(
    what: str,
    steps_text: str | None,
    users: tuple[str, ...],
    hook_exec: tuple[str, ...],
    hook_webhook: tuple[str, ...],
    hook_secret: str | None,
    expectations: Path | None,
    follows: bool,
    dry_run: bool,
    namespace: str | None,
    target: Target,
    **given: Any,
) -> None:
    """Let another version take over, step by step. What a step will touch is shown first.

    Exit status 0: it has taken over; 1: it went back, or could not begin.

    \b
    Example:
      turnout rollout start reviews --to v2
      turnout rollout start reviews --to v2 --steps compare,1,10,50 --max-user-impact 5%
      turnout rollout start rollout.yaml --no-follow
    """
    hooks = _usage(draft.hooks, hook_exec, hook_webhook, hook_secret or "")
    options = asked(what, steps_text, users, expectations, hooks=hooks, **given)
    client = connect(target)
    obj = drafted(client, what, namespace, options)
    _begin(client, obj, target, dry_run=dry_run, follows=follows)


def asked(
    what: str,
    steps_text: str | None,
    users: tuple[str, ...],
    expectations: Path | None,
    *,
    hooks: tuple[Mapping[str, Any], ...] = (),
    **given: Any,
) -> draft.Options:
    """What the options say. Raises UsageError."""
    plain = ("confidence", "max_user_impact", "guards")
    texts = {name: value or "" for name, value in given.items() if name not in plain}
    options = draft.Options(
        **texts,
        guards=given["guards"],
        confidence=given["confidence"],
        max_user_impact=given["max_user_impact"],
        steps=_usage(draft.steps, steps_text or draft.STEPS, _usage(draft.group, users)),
        hooks=hooks,
        expectations=str(expectations.absolute()) if expectations else "",
    )
    _require_fit(options, in_file=_is_file(what), steps_given=steps_text is not None)
    return options


def drafted(client: Client, what: str, namespace: str | None, options: draft.Options) -> dict[str, Any]:
    """The Rollout in a file, or what the options make of a service. Raises TurnoutError."""
    namespace = namespace or client.namespace
    return draft.of_file(Path(what), namespace) if _is_file(what) else _drafted(client, what, namespace, options)


def _is_file(what: str) -> bool:
    return what.endswith(draft.SUFFIXES) or "/" in what


def _usage(parse: Callable[..., Any], *arguments: Any) -> Any:
    """Raises UsageError (exit status 2) for what the parser refuses."""
    try:
        return parse(*arguments)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _require_fit(options: draft.Options, *, in_file: bool, steps_given: bool) -> None:
    """A file says everything itself; flags need at least the version."""
    said = [name for name in options.__dataclass_fields__ if name != "steps" and getattr(options, name)]
    said += ["steps"] if steps_given else []
    if in_file and said:
        names = ", ".join(f"--{name.rstrip('_').replace('_', '-')}" for name in said)
        raise click.UsageError(f"{names}: a file says this itself")
    if not in_file and not options.to:
        raise click.UsageError("--to SUBSET: which version shall take over?")


def _drafted(client: Client, service: str, namespace: str, options: draft.Options) -> dict[str, Any]:
    from dataclasses import replace

    from turnout.mesh.names import fqdn

    if not options.from_:
        host = fqdn(service, namespace)
        preview.require(client.view("status"), host)
        stable = stable_of(client, host, options.to, options.route or None)
        options = replace(options, from_=stable)
    return draft.of_options(service, namespace, options)


def _begin(client: Client, obj: dict[str, Any], target: Target, *, dry_run: bool, follows: bool) -> None:
    draft.checked(obj)
    intent = intended(obj)
    if not client.acknowledges:
        from turnout.rollout.cluster import require_cluster

        require_cluster(intent)
    status = client.view("status")
    preview.require(status, intent.versions.host, intent.versions.stable, intent.versions.candidate)
    rollouts = lookup.kept(client, obj["metadata"]["namespace"])
    replaced = previous(rollouts, obj)
    from turnout.cli.console import console

    console().print(preview.table(intent, preview.outlook(client, status, intent)))
    if dry_run:
        return
    made = begun(rollouts, created(client, rollouts, obj, replaced))
    if not follows:
        click.echo(f"begun: turnout rollout status {lookup.title(made)}")
        return
    sys.exit(follow(lambda: opened(target), made))


def intended(obj: Object) -> Intent:
    """Raises TurnoutError."""
    from turnout.rollout import intent

    found = intent.of(obj)
    if isinstance(found, list):
        raise TurnoutError("; ".join(problem.message for problem in found), found[0].hint)
    return found


def previous(rollouts: Kept, obj: Object) -> Object | None:
    """The one of the same name that has ended. Raises TurnoutError while one of its name or service is under way."""
    for rival in lookup.rivals(rollouts, obj):
        title = lookup.title(rival)
        hint = f"`turnout rollout status {title}` shows it; `turnout rollout abort {title}` ends it"
        raise TurnoutError(f"{title} is under way for {rival['spec']['service']}", hint)
    meta = obj["metadata"]
    live = rollouts.shelf.list(meta["namespace"])
    found = next((own for own in live if own["metadata"]["name"] == meta["name"]), None)
    if found is not None and lookup.under_way(found):
        hint = "choose another with --name"
        raise TurnoutError(f"{lookup.title(found)} is under way for {found['spec']['service']}", hint)
    return found


def created(client: Client, rollouts: Kept, obj: Object, previous: Object | None) -> Object:
    """A new object in the place of the one that has ended: nothing of that one is left in its status."""
    if previous is not None:
        rollouts.shelf.delete(previous["metadata"]["namespace"], previous["metadata"]["name"])
    made: Object = rollouts.shelf.create(obj)
    for warning in client.warnings:
        click.echo(f"warning: {warning}", err=True)
    return made


def begun(rollouts: Kept, made: Object) -> Object:
    """As the engine has begun it. One that it refuses is taken away again, so that it does not begin when nobody looks.

    Raises TurnoutError when it refuses, or does not say.
    """
    place = (made["metadata"]["namespace"], made["metadata"]["name"])
    until = time.monotonic() + BEGUN_SECONDS
    while not lookup.phase(made):
        if time.monotonic() > until:
            hint = "is `turnout controller` running there?" if rollouts.within else "see `turnout status`"
            raise TurnoutError(f"it has not begun within {BEGUN_SECONDS:g} s", hint)
        time.sleep(_LOOK_SECONDS)
        made = lookup.get(rollouts, place[1], place[0])
    if lookup.phase(made) == "refused":
        rollouts.shelf.delete(*place)
        raise TurnoutError(f"{made['metadata']['name']} could not begin: {made['status'].get('why')}")
    return made
