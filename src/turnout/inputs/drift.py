"""How a live object differs from its file: what `status` shows, and what no one need act upon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from turnout.inputs.align import by_name, same
from turnout.inputs.merge import ABSENT
from turnout.resources.document import Path

ANY: Final = object()

DEFAULTS: Final[Mapping[str, Any]] = {
    "allocateLoadBalancerNodePorts": ANY,
    "clusterIP": ANY,
    "clusterIPs": ANY,
    "dnsPolicy": "ClusterFirst",
    "externalTrafficPolicy": "Cluster",
    "failureThreshold": 3,
    "finalizers": ANY,
    "imagePullPolicy": ANY,
    "internalTrafficPolicy": "Cluster",
    "ipFamilies": ANY,
    "ipFamilyPolicy": ANY,
    "nodePort": ANY,
    "periodSeconds": 10,
    "progressDeadlineSeconds": 600,
    "protocol": "TCP",
    "replicas": 1,
    "restartPolicy": "Always",
    "revisionHistoryLimit": 10,
    "scheme": "HTTP",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "sessionAffinity": "None",
    "strategy": ANY,
    "successThreshold": 1,
    "targetPort": ANY,
    "terminationGracePeriodSeconds": 30,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "timeoutSeconds": 1,
    "type": ANY,
}
"""What a Kubernetes API server fills in by itself, in its own kinds. Istio's kinds have no defaulting."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same in the file and live. The value is `ABSENT` where one side has no such field.

    Indices in `path` count in the file's list, or in the live one where the file has no such item.
    """

    path: Path
    file_value: Any
    live_value: Any

    @property
    def field(self) -> str:
        """As users write it: `spec.http[0].route[1].weight`."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.file_value)} in the file, {_shown(self.live_value)} live"


def differences(file: Mapping[str, Any], live: Mapping[str, Any]) -> list[Difference]:
    """Those of two objects without bookkeeping (`apply.content`); a default the server filled in is none."""
    found = _compare((), file, live)
    if _group(live) in ("", "apps"):
        found = (difference for difference in found if not _defaulted(difference))
    return [difference for difference in found if difference.path not in (("apiVersion",), ("kind",))]


def _compare(path: Path, file: Any, live: Any) -> Iterator[Difference]:
    if isinstance(file, Mapping) and isinstance(live, Mapping):
        for key in [*file, *(key for key in live if key not in file)]:
            yield from _compare((*path, key), file.get(key, ABSENT), live.get(key, ABSENT))
    elif isinstance(file, list) and isinstance(live, list):
        yield from _compare_lists(path, file, live)
    elif not same(file, live) and not (file in (None, ABSENT) and live in (None, ABSENT)):
        yield Difference(path, file, live)


def _compare_lists(path: Path, file: list[Any], live: list[Any]) -> Iterator[Difference]:
    files, lives = by_name(file), by_name(live)
    if files is not None and lives is not None and [n for n in files if n in lives] == [n for n in lives if n in files]:
        for index, (name, item) in enumerate(files.items()):
            yield from _compare((*path, index), item, lives.get(name, ABSENT))
        for index, (name, item) in enumerate(lives.items()):
            if name not in files:
                yield Difference((*path, index), ABSENT, item)
    elif len(file) == len(live):
        for index, items in enumerate(zip(file, live, strict=True)):
            yield from _compare((*path, index), *items)
    else:
        yield Difference(path, file, live)


def _defaulted(difference: Difference) -> bool:
    key = difference.path[-1] if difference.path else ""
    default = DEFAULTS.get(str(key), ABSENT)
    return difference.file_value is ABSENT and (default is ANY or same(default, difference.live_value))


def _group(obj: Mapping[str, Any]) -> str:
    return str(obj.get("apiVersion", "")).rpartition("/")[0]


def _shown(value: Any) -> str:
    return "not" if value is ABSENT else repr(value) if not isinstance(value, str) else value
