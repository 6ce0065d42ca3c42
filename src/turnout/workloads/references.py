"""Where environment variables come from: ConfigMaps, Secrets, and fields of the pod.

Source: Kubernetes, "Define Environment Variables for a Container", "Expose Pod Information … Through Environment
Variables". What a ConfigMap or Secret holds is never expanded, so it is escaped here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from turnout.resources.core import ConfigMap, Container, Deployment, EnvFrom, EnvVar, KeySelector, Secret
from turnout.workloads.environment import POD, POD_UID
from turnout.workloads.expansion import escape

Path = tuple[str | int, ...]
Named = tuple[str, str]
"""Namespace and name."""

_MAP_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(slots=True)
class References:
    """Resolves the environment of one Deployment's container; `faults` says what could not be, and where."""

    deployment: Deployment
    config_maps: Mapping[Named, ConfigMap]
    secrets: Mapping[Named, Secret]
    faults: list[tuple[Path, str]] = field(default_factory=list)

    def environment(self, container: Container) -> Iterator[tuple[str, str]]:
        """Names and value templates, `envFrom` first: a later one of the same name wins."""
        for index, source in enumerate(container.env_from):
            yield from self._all_of(source, ("envFrom", index))
        for index, variable in enumerate(container.env):
            value = self._value(variable, ("env", index))
            if value is not None:
                yield variable.name, value

    def _value(self, variable: EnvVar, path: Path) -> str | None:
        source = variable.value_from
        if source is None:
            return variable.value
        if source.config_map_key_ref is not None:
            data = self._config_map(source.config_map_key_ref.name)
            return self._key(data, "ConfigMap", source.config_map_key_ref, (*path, "valueFrom", "configMapKeyRef"))
        if source.secret_key_ref is not None:
            data = self._secret(source.secret_key_ref.name, path)
            return self._key(data, "Secret", source.secret_key_ref, (*path, "valueFrom", "secretKeyRef"))
        if source.field_ref is not None:
            return self._field(source.field_ref.field_path, (*path, "valueFrom", "fieldRef"))
        self._fault((*path, "valueFrom"), f"the value of {variable.name} comes from a source that Turnout lacks")
        return None

    def _all_of(self, source: EnvFrom, path: Path) -> Iterator[tuple[str, str]]:
        for kind, ref, key in (
            ("ConfigMap", source.config_map_ref, "configMapRef"),
            ("Secret", source.secret_ref, "secretRef"),
        ):
            if ref is None:
                continue
            data = self._config_map(ref.name) if kind == "ConfigMap" else self._secret(ref.name, path)
            if data is None and not ref.optional:
                self._fault((*path, key, "name"), self._missing(kind, ref.name))
            yield from ((source.prefix + name, escape(value)) for name, value in (data or {}).items())

    def _key(self, data: Mapping[str, str] | None, kind: str, ref: KeySelector, path: Path) -> str | None:
        if data is not None and ref.key in data:
            return escape(data[ref.key])
        if ref.optional:
            return None
        if data is None:
            self._fault((*path, "name"), self._missing(kind, ref.name))
        else:
            self._fault((*path, "key"), f"{kind} {ref.name} has no key {ref.key!r} (it has: {_list(data)})")
        return None

    def _config_map(self, name: str) -> Mapping[str, str] | None:
        found = self.config_maps.get((self.deployment.metadata.namespace, name))
        return None if found is None else found.data

    def _secret(self, name: str, path: Path) -> Mapping[str, str] | None:
        found = self.secrets.get((self.deployment.metadata.namespace, name))
        if found is None:
            return None
        try:
            plain = {key: base64.b64decode(value, validate=True).decode() for key, value in found.data.items()}
        except (binascii.Error, ValueError):
            self._fault(path, f"Secret {name}: `data` is not base64 of a text; `stringData` takes plain text")
            return None
        return plain | dict(found.string_data)

    def _field(self, field_path: str, path: Path) -> str | None:
        template, metadata = self.deployment.spec.template, self.deployment.metadata
        known = {
            "metadata.name": f"$({POD})",
            "metadata.uid": f"$({POD_UID})",
            "metadata.namespace": escape(metadata.namespace),
            "spec.nodeName": "localhost",
            "spec.serviceAccountName": escape(template.spec.service_account_name or "default"),
        }
        known |= dict.fromkeys(("status.podIP", "status.podIPs", "status.hostIP", "status.hostIPs"), "127.0.0.1")
        if field_path in known:
            return known[field_path]
        if found := _MAP_FIELD.fullmatch(field_path):
            held = template.metadata.labels if found[1] == "labels" else template.metadata.annotations
            return escape(held.get(found[2], ""))
        self._fault((*path, "fieldPath"), f"there is no field {field_path!r} to take a value from")
        return None

    def _missing(self, kind: str, name: str) -> str:
        return f"{kind} {name} does not exist in namespace {self.deployment.metadata.namespace}"

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append((path, message))


def _list(data: Mapping[str, str]) -> str:
    return ", ".join(sorted(data)) or "none"
