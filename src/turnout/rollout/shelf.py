"""Where Rollouts are kept: as objects of their own kind, or in ConfigMaps where nobody may install that kind."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, Protocol

from turnout.client import Client
from turnout.error import ApiError
from turnout.problem import errors
from turnout.resources.kinds import CONFIG_MAP, ROLLOUT
from turnout.resources.reader import read

Object = dict[str, Any]

LABEL: Final = "turnout.dev/rollout"
"""Of a ConfigMap that holds a Rollout: its value is `spec`."""
SPEC, STATUS = "spec", "status"
"""Its keys: YAML, and the engine's JSON."""
TRIES: Final = 5
"""Of a status that somebody else wrote to as well."""


class Shelf(Protocol):
    """Rollouts as objects, wherever they are kept. Methods raise ApiError, and what the client raises."""

    def list(self, namespace: str = "") -> list[Object]: ...

    def get(self, namespace: str, name: str) -> Object: ...

    def create(self, obj: Mapping[str, Any]) -> Object: ...

    def delete(self, namespace: str, name: str) -> None: ...

    def annotate(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> Object:
        """None takes one away."""

    def write_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        """These fields, as a merge patch (RFC 7386) has it; the others stay."""


def shelf(client: Client) -> Shelf:
    """Objects where the API knows the kind, else ConfigMaps. Raises ApiError.

    Discovery tells, which is everybody's: of objects of no kind Kubernetes says that they are forbidden.
    """
    try:
        client.read(f"/apis/{ROLLOUT.group}/{ROLLOUT.version}")
    except ApiError as error:
        if error.status != 404:
            raise
        return ConfigMaps(client)
    return Objects(client)


class Objects:
    """Of the kind Rollout."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, namespace: str = "") -> list[Object]:
        items: list[Object] = self._client.list(ROLLOUT, namespace)["items"]
        return items

    def get(self, namespace: str, name: str) -> Object:
        return self._client.get(ROLLOUT, namespace, name)

    def create(self, obj: Mapping[str, Any]) -> Object:
        return self._client.create(ROLLOUT, obj)

    def delete(self, namespace: str, name: str) -> None:
        self._client.delete(ROLLOUT, namespace, name)

    def annotate(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> Object:
        patch = {"metadata": {"annotations": dict(annotations)}}
        return self._client.patch(ROLLOUT, namespace, name, patch)

    def write_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        self._client.patch_status(ROLLOUT, namespace, name, {"status": status})


class ConfigMaps:
    """Each with the label `turnout.dev/rollout`, the spec as YAML, and the engine's status beside it as JSON.

    A file may hold the one and leave out the other: what it does not say is left alone by whoever applies it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self, namespace: str = "") -> list[Object]:
        found = self._client.list(CONFIG_MAP, namespace, label_selector=f"{LABEL}={SPEC}")["items"]
        return [_rollout(each) for each in found]

    def get(self, namespace: str, name: str) -> Object:
        return _rollout(self._client.get(CONFIG_MAP, namespace, name))

    def create(self, obj: Mapping[str, Any]) -> Object:
        meta = obj["metadata"]
        labels = {**(meta.get("labels") or {}), LABEL: SPEC}
        made: Object = {"metadata": {**meta, "labels": labels}, "data": {SPEC: json.dumps(obj["spec"], indent=2)}}
        made |= {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.kind}
        return _rollout(self._client.create(CONFIG_MAP, made))

    def delete(self, namespace: str, name: str) -> None:
        self._client.delete(CONFIG_MAP, namespace, name)

    def annotate(self, namespace: str, name: str, annotations: Mapping[str, str | None]) -> Object:
        patch = {"metadata": {"annotations": dict(annotations)}}
        return _rollout(self._client.patch(CONFIG_MAP, namespace, name, patch))

    def write_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        for tries in range(1, TRIES + 1):
            live = self._client.get(CONFIG_MAP, namespace, name)
            text = json.dumps(merged(_status(live), status), separators=(",", ":"))
            version = live["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "data": {STATUS: text}}
            try:
                self._client.patch(CONFIG_MAP, namespace, name, patch)
            except ApiError as error:
                if error.status != 409 or tries == TRIES:
                    raise
            else:
                return


def merged(target: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    """RFC 7386."""
    result = deepcopy(dict(target))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _rollout(config_map: Mapping[str, Any]) -> Object:
    """As an object of its kind. Its generation is a sum of its spec: another spec has another one."""
    text = (config_map.get("data") or {}).get(SPEC, "")
    meta = {**config_map["metadata"], "generation": zlib.crc32(text.encode())}
    spec = _spec(text, f"ConfigMap {meta['namespace']}/{meta['name']}")
    made = {"apiVersion": ROLLOUT.api_version, "kind": ROLLOUT.kind, "metadata": meta, "spec": spec}
    status = _status(config_map)
    return {**made, "status": status} if status else made


def _spec(text: str, place: str) -> Mapping[str, Any]:
    """Nothing of what is no YAML: then fields are missing, and the engine says so."""
    documents, problems = read(text, place)
    return documents[0].data if documents and not errors(problems) else {}


def _status(config_map: Mapping[str, Any]) -> Object:
    try:
        found = json.loads((config_map.get("data") or {}).get(STATUS) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
