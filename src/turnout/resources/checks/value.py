"""Single values that many fields share: ports, durations, percentages, names of namespaces and gateways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from turnout.resources.duration import written
from turnout.resources.finding import Findings
from turnout.resources.host import fqdn_fault
from turnout.resources.layout import Path
from turnout.resources.name import is_host_label
from turnout.resources.re2 import regex_fault
from turnout.resources.spelling import shown
from turnout.resources.virtual_service import StringMatch

MILLISECOND = timedelta(milliseconds=1)


def check_port(number: int, at: Path, findings: Findings) -> None:
    if not 1 <= number <= 65535:
        findings.add("TNO104", at, f"port number {number} must be in the range 1..65535")


def check_duration(duration: timedelta | None, at: Path, findings: Findings) -> None:
    """Istio's rule for durations: at least a millisecond, in whole milliseconds."""
    if duration is None:
        return
    if duration < MILLISECOND:
        findings.add("TNO106", at, f"the duration {written(duration)} must be at least 1ms")
    elif duration % MILLISECOND:
        findings.add("TNO106", at, "durations are precise to milliseconds")


def check_percent(value: float, at: Path, findings: Findings) -> None:
    if not 0 <= value <= 100:
        findings.add("TNO107", at, f"{shown(value)} percent is not in the range 0 to 100")


def check_not_negative(value: int, at: Path, findings: Findings) -> None:
    if value < 0:
        findings.add("TNO108", at, f"{value} must not be negative")


def check_unique(names: Iterable[str], at: Path, field: str, what: str, findings: Findings) -> None:
    """The names in a list of objects; an empty one is reported elsewhere."""
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        first = seen.setdefault(name, number)
        if name and first != number:
            findings.add("TNO105", (*at, number, field), f"{what} {shown(name)} is already that of number {first + 1}")


def check_string_match(match: StringMatch | None, at: Path, findings: Findings, *, may_be_empty: bool = False) -> None:
    """`may_be_empty`: an empty prefix is allowed, as for `uri`, where it matches everything."""
    if match is None:
        return
    if match.regex is not None:
        check_regex(match.regex, (*at, "regex"), findings)
    elif match.prefix == "" and not may_be_empty:
        findings.add("TNO115", (*at, "prefix"), "the prefix is empty", "leave the match out to match everything")


def check_printable(text: str, code: str, at: Path, findings: Findings) -> None:
    """What ends up in a request line or a header; Envoy refuses the whole route table otherwise."""
    if not text.isprintable():
        findings.add(code, at, f"{shown(text)} contains control characters")


def check_regex(pattern: str, at: Path, findings: Findings) -> None:
    if fault := regex_fault(pattern):
        findings.add("TNO114", at, f"invalid regular expression: {fault}")


def check_gateway_names(names: Iterable[str], at: Path, findings: Findings) -> None:
    """`gateway`, `namespace/gateway`, `./gateway`, or the older `gateway.namespace[.svc…]`."""
    for number, name in enumerate(names):
        namespace, slash, gateway = name.partition("/")
        if not slash:
            _check_bare_gateway(name, (*at, number), findings)
            continue
        if namespace != "." and not is_host_label(namespace):
            findings.add("TNO129", (*at, number), f"{shown(name)} names no gateway: {shown(namespace)} is no namespace")
        if not is_host_label(gateway):
            findings.add("TNO129", (*at, number), f"{shown(name)} names no gateway: {shown(gateway)} is no name")


def _check_bare_gateway(name: str, at: Path, findings: Findings) -> None:
    if fault := fqdn_fault(name):
        findings.add("TNO129", at, f"{shown(name)} names no gateway: {fault}")
    elif "." in name:
        gateway, namespace = name.split(".")[:2]
        findings.add("TNO130", at, f"{shown(name)} is an old way to name a gateway", f"write {namespace}/{gateway}")


def check_export_to(
    export_to: tuple[str, ...], namespace: str, findings: Findings, *, may_be_none: bool = False
) -> None:
    """`may_be_none`: a ServiceEntry may be exported to nobody (`~`)."""
    at: Path = ("spec", "exportTo")
    seen: set[str] = set()
    for number, target in enumerate(export_to):
        key = namespace if target == "." else target
        if key in seen:
            findings.add("TNO128", (*at, number), f"{shown(target)} is given twice in exportTo")
        seen.add(key)
        if target == "~" and not may_be_none:
            findings.add("TNO128", (*at, number), "exportTo ~ (nobody) is not allowed for this kind")
        elif target not in (".", "*", "~") and not is_host_label(target):
            findings.add("TNO128", (*at, number), f"{shown(target)} is no namespace")
    for alone in ("*", "~"):
        if alone in export_to and len(export_to) > 1:
            findings.add("TNO128", at, f"{alone} in exportTo cannot be combined with others")


def check_selector(labels: Mapping[str, str], at: Path, findings: Findings) -> None:
    """The labels of a workload selector."""
    for key, value in labels.items():
        if not key or "*" in key or "*" in value:
            message = f"{shown(f'{key}={value}')}: a selector has neither empty keys nor wildcards"
            findings.add("TNO148", (*at, key), message)
    if not labels:
        findings.add("TNO149", at[:-1], "the workload selector has no labels")


def unix_fault(path: str) -> str | None:
    """What is wrong with the path of a Unix socket; `@name` is an abstract one."""
    if path.startswith("@") or (path.startswith("/") and not path.endswith("/")):
        return None
    return f"{shown(path)} is no absolute path to a socket"
