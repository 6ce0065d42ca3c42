"""Host names as Istio's resources write them, wildcards included: their form, and which covers which."""

from __future__ import annotations

import ipaddress
import re

from turnout.resources.name import is_host_label
from turnout.resources.spelling import shown

_WILDCARD_PREFIX = re.compile(r"\*-?")
_GENERATED_SNI = re.compile(r"outbound_\.?[^_]*[0-9][^_]*_[^_]*_\.?[^_]*[a-zA-Z].*")


def host_fault(host: str) -> str | None:
    """What is wrong with a host name whose first label may be a wildcard (`*`, `*.x`, `*-x`); None when it is right."""
    if fault := _length_fault(host):
        return fault
    first, dot, rest = host.partition(".")
    if first != "*" and not is_host_label(_WILDCARD_PREFIX.sub("", first, count=1)):
        return f"{shown(host)} is no host name: {shown(first)} is no DNS label"
    return _labels_fault(rest, host) if dot else None


def fqdn_fault(host: str) -> str | None:
    """Like `host_fault`, without wildcards."""
    return _length_fault(host) or _labels_fault(host, host)


def sni_fault(host: str) -> str | None:
    """Like `host_fault`; besides, the names of AUTO_PASSTHROUGH gateways: `outbound_.80_._.reviews.default`."""
    if not host.startswith("outbound_"):
        return host_fault(host)
    if _GENERATED_SNI.fullmatch(host):
        return _length_fault(host)
    return f"{shown(host)} is no host name: expected outbound_.<PORT>_._.<HOSTNAME>"


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_subnet(text: str) -> bool:
    """An address, or an address and a prefix length."""
    if "/" not in text:
        return is_ip(text)
    address, _, length = text.partition("/")
    return (
        is_ip(address)
        and length.isascii()
        and length.isdecimal()
        and int(length[:4]) <= (128 if ":" in address else 32)
    )


def covers(wide: str, narrow: str) -> bool:
    """Whether `wide` means every host name that `narrow` means."""
    if narrow.startswith("*"):
        return wide.startswith("*") and narrow[1:].endswith(wide[1:])
    return narrow.endswith(wide[1:]) if wide.startswith("*") else wide == narrow


def _length_fault(host: str) -> str | None:
    if not host:
        return "the host name is empty"
    return f"{shown(host)} is longer than 255 characters" if len(host) > 255 else None


def _labels_fault(host: str, whole: str) -> str | None:
    labels = host.split(".")
    if labels[-1].isdecimal():
        return f"{shown(whole)} is no host name: its last label cannot be a number"
    if labels[-1] == "":
        labels.pop()  # `istio.io.` is unambiguous
    bad = next((label for label in labels if not is_host_label(label)), None)
    return None if bad is None else f"{shown(whole)} is no host name: {shown(bad)} is no DNS label"
