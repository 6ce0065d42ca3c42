"""What every object's metadata has to be, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping

from turnout.resources.finding import Findings
from turnout.resources.kinds import GATEWAY, NAMESPACE, SERVICE, Kind
from turnout.resources.layout import Path
from turnout.resources.meta import Metadata
from turnout.resources.name import is_label, is_label_value, is_qualified, is_service_name, is_subdomain
from turnout.resources.spelling import shown

_LABEL_FORM = "use at most 63 lower-case letters, digits and `-`, starting and ending with a letter or digit"
_SERVICE_FORM = "use at most 63 lower-case letters, digits and `-`, starting with a letter"
_SUBDOMAIN_FORM = "use lower-case letters, digits, `-` and `.`"


def check_metadata(metadata: Metadata, kind: Kind, findings: Findings) -> None:
    _check_name(metadata.name, kind, findings)
    if metadata.namespace and not is_label(metadata.namespace):
        path = ("metadata", "namespace")
        findings.add("TNO101", path, f"{shown(metadata.namespace)} cannot be a namespace", _LABEL_FORM)
    check_labels(metadata.labels, ("metadata", "labels"), findings)


def _check_name(name: str, kind: Kind, findings: Findings) -> None:
    path = ("metadata", "name")
    if not name:
        findings.add("TNO014", path, "`name` is missing in `metadata`", "every object has a name")
    elif kind is SERVICE and not is_service_name(name):
        findings.add("TNO101", path, f"{shown(name)} cannot be the name of a Service", _SERVICE_FORM)
    elif kind in (NAMESPACE, GATEWAY) and not is_label(name):
        findings.add("TNO101", path, f"{shown(name)} cannot be the name of a {kind.kind}", _LABEL_FORM)
    elif not is_subdomain(name):
        findings.add("TNO101", path, f"{shown(name)} cannot be the name of a {kind.kind}", _SUBDOMAIN_FORM)


def check_labels(labels: Mapping[str, str], path: Path, findings: Findings) -> None:
    """Keys and values of labels or of a selector, as Kubernetes and Istio both require them."""
    for key, value in labels.items():
        if not is_qualified(key):
            findings.add("TNO102", (*path, key), f"{shown(key)} cannot be the key of a label")
        if not is_label_value(value):
            findings.add("TNO102", (*path, key), f"{shown(value)} cannot be the value of a label")
