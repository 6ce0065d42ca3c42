"""Files to live objects: a saved file is applied wholly, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from turnout.apiserver.store import Store
from turnout.control.objects import LiveObjects, ObjectKey
from turnout.error import TurnoutError
from turnout.inputs import apply
from turnout.inputs.chart import PLAIN, Release
from turnout.inputs.files import Manifest, Manifests, read_paths
from turnout.inputs.found import read_text, settings_file, shown
from turnout.inputs.images import Artifact, Settings, built, read_images
from turnout.inputs.merge import ABSENT
from turnout.memo import Memo
from turnout.problem import ObjectPath, Place, Problem, Severity, errors
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.kinds import KINDS, NAMESPACE


class InvalidFiles(TurnoutError):
    """The files given to `turnout up` have errors; nothing was started."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = "\n".join(str(problem) for problem in problems)
        super().__init__(f"nothing was started, because of what the files say:\n{lines}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Drift:
    """A field that lives differently from what its file says. None: that side has no such field."""

    kind: str
    namespace: str
    name: str
    path: str
    file_value: Any
    live_value: Any


@dataclass(frozen=True, slots=True)
class Reading:
    """What files said, and all that is wrong with it."""

    settings: Settings
    manifests: Manifests
    problems: tuple[Problem, ...]


class Files:
    """What the paths given to `turnout up` say now; the last state without an error stays in force."""

    def __init__(self, paths: Sequence[Path], release: Release = PLAIN) -> None:
        self.paths = [path.absolute() for path in paths]
        self.release = release
        self.settings = Settings()
        self.manifests = Manifests()
        self.problems: tuple[Problem, ...] = ()
        self._live: LiveObjects | None = None
        self._memo = Memo()
        self._named: tuple[Manifests, Mapping[ObjectKey, Manifest]] = (self.manifests, {})

    def read(self) -> bool:
        """Reads everything anew. False: something is wrong (see `problems`), and nothing has been taken over."""
        return self.take(self.look())

    def look(self) -> Reading:
        """What the files say now. In any thread: it may take a while where programs render them."""
        manifests = read_paths(self.paths, self.manifests, self.release)
        settings, problems = self._read_settings(manifests.artifacts)
        return Reading(settings, manifests, (*problems, *manifests.problems, *_left_out(manifests)))

    def take(self, reading: Reading) -> bool:
        """Has it in force from now on, unless something is wrong with it: then False, and only `problems` are new."""
        self.problems = reading.problems
        if errors(self.problems):
            return False
        self.settings, self.manifests = reading.settings, reading.manifests
        return True

    def _read_settings(self, artifacts: Sequence[Artifact]) -> tuple[Settings, list[Problem]]:
        file = self.settings_file
        if file is None:
            return Settings(built(artifacts)), []
        try:
            return read_images(read_text(file), shown(file), artifacts)
        except (OSError, ValueError) as error:
            return Settings(), [Problem("TNO201", Severity.ERROR, f"cannot read it: {error}", Place(shown(file), 1, 1))]

    @property
    def settings_file(self) -> Path | None:
        return settings_file(self.paths)

    @property
    def watched(self) -> list[Path]:
        """The paths, turnout.yaml, and the folders that images are built from."""
        file = self.settings_file
        contexts = [image.context for image in self.settings.images if not image.attach]
        return [*self.paths, *self.manifests.read, *([file] if file else []), *contexts]

    @property
    def no_sources(self) -> frozenset[Path]:
        """Files and charts that Turnout itself reads: what lies beside them is made into workloads, they are not."""
        file = self.settings_file
        return frozenset((*self.manifests.read, *([file] if file else [])))

    def document(self, kind: str, namespace: str, name: str) -> Document | None:
        """Where an object stands in the files; None when it came from elsewhere."""
        manifests, named = self._named
        if manifests is not self.manifests:
            named = _by_key(self.manifests)
            self._named = (self.manifests, named)
        found = named.get((kind, namespace, name))
        return found.document if found else None

    def locate(self, problem: Problem) -> Problem:
        """The same problem with its line, where its object came from a file."""
        where = self.place(problem.where) if isinstance(problem.where, ObjectPath) else problem.where
        return replace(problem, where=where)

    def drift(self, store: Store) -> Sequence[Drift]:
        """Where live objects are not what the files say: weights that were shifted since, mostly.

        Asked for every second, and compared where either side has changed.
        """
        if self._live is None or self._live.store is not store:
            self._live = LiveObjects(store, KINDS)
        files = self._memo.of("files", (self.manifests,), lambda: _by_key(self.manifests))
        found = self._memo.each("drift", (files, self._live.read()), _drift)
        self._memo.forget_unasked()
        return [drift for own in found.values() for drift in own]

    def place(self, where: ObjectPath) -> Place | ObjectPath:
        """Where it stands in the files; as it is when its object came from elsewhere."""
        document = self.document(where.kind, where.namespace, where.name)
        return where if document is None else document.place(where.fields)


def _by_key(manifests: Manifests) -> dict[ObjectKey, Manifest]:
    """Of an object that is written twice, the first."""
    found: dict[ObjectKey, Manifest] = {}
    for manifest in manifests.objects:
        meta = manifest.obj["metadata"]
        found.setdefault((manifest.kind.title, meta.get("namespace", ""), meta["name"]), manifest)
    return found


def _left_out(manifests: Manifests) -> Iterator[Problem]:
    """What only Turnout writes."""
    for manifest in manifests.objects:
        if manifest.kind.use == "reported":
            message = f"Turnout writes {manifest.kind.kind} objects itself, and leaves this one out"
            yield problem("TNO219", manifest.document.place(("kind",)), message, "a Deployment makes pods")


def apply_files(files: Files, store: Store) -> bool:
    """Carries the files' changes over to the live objects; False when nothing had to be done.

    All is tried before anything is done, so that a refusal leaves the objects as they were.
    Raises StatusError (an ApiError) when the store refuses.
    """
    # A ReplicaSet has its Deployment's annotations: no file is behind it all the same.
    live = [obj for kind in KINDS if kind.use != "reported" for obj in store.list(kind)]
    wanted = [manifest.obj for manifest in files.manifests.objects if manifest.kind.use != "reported"]
    actions = apply.plan(wanted, live, broken=files.manifests.broken)
    for dry_run in (True, False):
        for action in actions:
            _carry_out(store, action, dry_run=dry_run)
    return bool(actions)


def _carry_out(store: Store, action: apply.Action, *, dry_run: bool) -> None:
    if isinstance(action, apply.Create):
        key = apply.key_of(action.object)
        assert key is not None
        store.create(key[0], action.object, dry_run=dry_run)
    elif isinstance(action, apply.Patch):
        store.replace(action.kind, action.object, dry_run=dry_run)
    else:
        store.delete(action.kind, action.namespace, action.name, dry_run=dry_run)


def _drift(key: ObjectKey, manifest: Manifest, live: Mapping[str, Any] | None) -> list[Drift]:
    return [
        Drift(*key, _dotted(each.path), _shown(each.file_value), _shown(each.live_value))
        for each in (apply.drift(manifest.obj, live) if live else ())
    ]


def _shown(value: Any) -> Any:
    return None if value is ABSENT else value


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def ensure_namespaces(files: Files, store: Store) -> None:
    """A namespace that objects live in exists, as on a cluster where somebody made it."""
    wanted = {manifest.obj["metadata"].get("namespace", "") for manifest in files.manifests.objects}
    declared = {m.obj["metadata"]["name"] for m in files.manifests.objects if m.kind is NAMESPACE}
    for name in sorted({"default", *wanted} - {""} - declared):
        if store.get(NAMESPACE, "", name) is None:
            store.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
