"""Names of objects, labels and hosts: the forms that Kubernetes and Istio allow."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def is_label(name: str) -> bool:
    """An RFC 1123 label as Kubernetes has it: lower case, at most 63 characters."""
    return len(name) <= 63 and _LABEL.fullmatch(name) is not None


def is_service_name(name: str) -> bool:
    """An RFC 1035 label: like `is_label`, but starting with a letter."""
    return len(name) <= 63 and _LABEL_1035.fullmatch(name) is not None


def is_subdomain(name: str) -> bool:
    """Labels joined by dots, at most 253 characters."""
    return len(name) <= 253 and all(_LABEL.fullmatch(part) for part in name.split("."))


def is_host_label(name: str) -> bool:
    """A label as Istio's validation has it: either case, at most 63 characters."""
    return len(name) <= 63 and _HOST_LABEL.fullmatch(name) is not None


def is_qualified(name: str) -> bool:
    """A label's or annotation's key: `[prefix/]name`."""
    prefix, slash, rest = name.rpartition("/")
    is_prefix = is_subdomain(prefix) if slash else True
    return is_prefix and len(rest) <= 63 and _QUALIFIED.fullmatch(rest) is not None


def is_label_value(value: str) -> bool:
    return value == "" or (len(value) <= 63 and _QUALIFIED.fullmatch(value) is not None)


def is_port_name(name: str) -> bool:
    """What a container's port may be called: at most 15 characters, among them a letter, no `--`."""
    has_letter = any(character.isalpha() for character in name)
    return len(name) <= 15 and _LABEL.fullmatch(name) is not None and has_letter and "--" not in name
