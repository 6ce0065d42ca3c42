"""`turnout init`: a first configuration for a service and two versions of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from turnout.cli.options import namespace_option
from turnout.error import TurnoutError

if TYPE_CHECKING:
    from turnout.inputs.files import Manifest
    from turnout.inputs.scaffold import Scaffold


@click.command()
@click.argument("service")
@click.argument("old", metavar="V1")
@click.argument("new", metavar="V2")
@click.option("--host", default="", help="Let requests for this host name in from outside: writes a Gateway as well.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The project's folder [default: this one].",
)
@click.option("--force", is_flag=True, help="Overwrite files of the same names.")
@namespace_option
def command(service: str, old: str, new: str, host: str, folder: Path, force: bool, namespace: str) -> None:
    """Write a DestinationRule, a VirtualService and turnout.yaml for SERVICE and its versions V1 and V2.

    All traffic goes to V1. Manifests that are already there are read: the label that tells the versions apart, the
    images and the port are taken from them. No file is overwritten.

    \b
    Example:
      turnout init reviews v1 v2
      turnout init reviews v1 v2 --host reviews.test --dir shop
    """
    from turnout.inputs import scaffold
    from turnout.inputs.files import read_paths

    if old == new:
        raise click.UsageError("the two versions must have different names")
    read = read_paths([folder]) if folder.exists() else read_paths([])
    _require_sound(read.problems)
    found = scaffold.discover(read.objects, service, (old, new), namespace, host)
    texts = scaffold.manifests(found)
    targets = {folder / name: text for name, text in texts.items()}
    _require_valid(targets)
    _require_new(found, targets, read.objects)
    if not _already_run(found, folder):
        targets[folder / scaffold.FILE_NAME] = scaffold.settings(found, folder)
    _write(targets, force=force)
    _say_what_is_next(found)


def _require_sound(problems: Iterable[object]) -> None:
    """What cannot be read might be just what is looked for."""
    from turnout.problem import Problem, errors

    wrong = errors(problem for problem in problems if isinstance(problem, Problem))
    if wrong:
        listed = "\n".join(str(problem) for problem in wrong)
        raise TurnoutError(f"the manifests here have errors\n{listed}", "mend them first")


def _require_valid(targets: Mapping[Path, str]) -> None:
    """What is written is read first: a name that nobody could use is wrong usage."""
    from turnout.inputs.files import parse
    from turnout.problem import errors

    for path, text in targets.items():
        for problem in errors(parse(path, text).problems):
            raise click.UsageError(problem.message)


def _require_new(found: Scaffold, targets: Mapping[Path, str], objects: Iterable[Manifest]) -> None:
    """An object may be in one file only, and a host have one VirtualService."""
    ours = {path.absolute() for path in targets}
    written = {"DestinationRule", "VirtualService"} | ({"Gateway"} if found.host and not found.gateway else set())
    for manifest in objects:
        meta, place = manifest.obj["metadata"], manifest.document.place()
        if manifest.kind.kind not in written or Path(place.file).absolute() in ours:
            continue
        same_name = (meta.get("namespace"), meta["name"]) == (found.namespace, found.service)
        if same_name or found.names & _hosts(manifest):
            message = f"{found.service} has a {manifest.kind.kind} already: {place}"
            raise TurnoutError(message, "add the versions there")


def _hosts(manifest: Manifest) -> set[str]:
    """The full names that a VirtualService or a DestinationRule is about."""
    from turnout.mesh.names import fqdn

    spec = manifest.obj["spec"]
    hosts = [*(spec.get("hosts") or ()), *([spec["host"]] if spec.get("host") else ())]
    return {fqdn(host, manifest.obj["metadata"]["namespace"]) for host in hosts}


def _already_run(found: Scaffold, folder: Path) -> bool:
    """Whether turnout.yaml says how to run the images, so that nothing is to be added."""
    from turnout.inputs import scaffold
    from turnout.inputs.images import find, read_images

    path = folder / scaffold.FILE_NAME
    if not path.is_file():
        return False
    settings, _ = read_images(path.read_text(encoding="utf-8", errors="replace"), str(path))
    return all(version.image and find(settings.images, version.image) for version in found.versions)


def _write(targets: Mapping[Path, str], *, force: bool) -> None:
    """All of them or none."""
    from turnout.inputs.write import write_atomically

    there = [str(path) for path in targets if path.exists()]
    if there and not force:
        raise TurnoutError(f"already there: {', '.join(there)}", "--force overwrites; --dir names another folder")
    try:
        for path, text in targets.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
            click.echo(f"wrote {path}")
    except OSError as error:
        raise TurnoutError(f"cannot write {path}: {error.strerror}") from error


def _say_what_is_next(found: Scaffold) -> None:
    if not found.has_service:
        click.echo(f"missing: a Service {found.service}")
    for version in found.versions:
        if not version.deployment:
            click.echo(f"missing: a Deployment of {version.name}, its pods labelled {version.label}: {version.value}")
    click.echo(f"next: check turnout.yaml, then `turnout up` and `turnout shift {found.service} {found.new.name}=1`")
