"""The answer to `turnout explain` in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

JSON = Mapping[str, Any]
_OWN = "x-turnout-"
_LONGEST_LIST = 10
_FAILURES = {"NC": "there is no such host or subset", "UH": "nothing runs there"}


def lines(answer: JSON) -> Iterator[str]:
    """`answer`: as the view `explain` gives it."""
    asked = answer["request"]
    yield f"{asked['method']} {asked['scheme']}://{asked['host']}{asked['path']}, {_through(answer['through'])}"
    if answer["virtual_host"]:
        yield _field("host", f"{answer['virtual_host']}{_by_name(answer)}")
    yield from _rules(answer)
    yield from _outcome(answer)


def _through(way: JSON) -> str:
    if "gateway" in way:
        where = f" (on {way['listens_on']})" if way["listens_on"] != way["gateway"] else ""
        server = f", server {way['server']}" if way["server"] else ""
        return f"from outside, through the gateway's port {way['gateway']}{where}{server}"
    return f"from {way['namespace']}/{way['workload']}" if way["workload"] else f"from somebody in {way['namespace']}"


def _by_name(answer: JSON) -> str:
    return f", asked for as {answer['domain']}" if answer["domain"] not in ("", answer["virtual_host"]) else ""


def _field(name: str, value: str) -> str:
    return f"  {name:<9} {value}"


def _rules(answer: JSON) -> Iterator[str]:
    for each in answer["passed"]:
        yield _field("not", _rule(each["rule"]))
        yield from (f"            because {miss}" for miss in each["misses"])
    if answer["rule"]:
        yield _field("rule", _rule(answer["rule"]))
        if answer["rule"]["delegated_by"]:
            yield f"            delegated by {answer['rule']['delegated_by']}"


def _rule(rule: JSON) -> str:
    if rule["where"] is None:
        return "none is written: everything goes to the service"
    return f"{rule['where']}  {rule['name']}: {rule['when']}"


def _outcome(answer: JSON) -> Iterator[str]:
    yield from _fault(answer["fault"])
    match answer["action"]:
        case "forward" | "tunnel":
            yield from _forwarded(answer)
        case "redirect":
            why = f", as {answer['reason']}" if answer["reason"] else ""
            yield _field("answer", f"{answer['status']} to {answer['location']}{why}")
        case "respond":
            body = f": {answer['body']}" if answer["body"] else ""
            why = f", as {answer['reason']}" if answer["reason"] else ""
            yield _field("answer", f"{answer['status']}, by the proxy itself{body}{why}")
        case _:
            yield _field("answer", f"{answer['status'] or 'none'}: {answer['reason']}")
    yield from (_field("answer", _operation(each)) for each in answer["response_headers"])


def _fault(fault: JSON | None) -> Iterator[str]:
    if fault and fault["delay_percent"]:
        yield _field("fault", f"{fault['delay_percent']:g} % wait for {fault['delay_seconds']:g}s first")
    if fault and fault["abort_percent"]:
        grpc = fault["abort_grpc_status"]
        status = fault["abort_status"] if grpc is None else f"gRPC status {grpc}"
        yield _field("fault", f"{fault['abort_percent']:g} % are answered with {status} instead")


def _forwarded(answer: JSON) -> Iterator[str]:
    split = f", decided {answer['split']}" if answer["split"] else ""
    for place in answer["destinations"]:
        yield _field("goes", f"{place['percent']:.4g} % to {_place(place)}{split}")
        yield from (f"            {line}" for line in _arriving(answer, place))
    if answer["action"] == "tunnel":
        yield _field("note", answer["reason"])
        return
    if answer["path_sent"] != answer["path"]:
        yield _field("path", f"{answer['path']} becomes {answer['path_sent']}")
    limit = answer["timeout_seconds"]
    yield _field("timeout", f"{limit:g}s" if limit else "none")
    yield _field("retries", _retries(answer["retries"]))
    for copy in answer["mirrors"]:
        yield _field("copies", f"{copy['percent']:.4g} % to {_place(copy)}")


def _place(place: JSON) -> str:
    name = " ".join([place["host"], *([place["subset"]] if place["subset"] else []), f"port {place['port']}"])
    if place["failure"]:
        return f"{name}: {place['failure_status']} {place['failure']}, {_FAILURES[place['failure']]}"
    if place["as_asked"]:
        return f"{name}: the address that is asked for"
    pods = [_pod(pod) for pod in place["endpoints"]]
    more = f" and {len(pods) - _LONGEST_LIST} more" if len(pods) > _LONGEST_LIST else ""
    return f"{name}: {', '.join(pods[:_LONGEST_LIST])}{more}"


def _pod(pod: JSON) -> str:
    address = f" ({pod['address']})" if pod["address"] else ""
    return f"{pod['pod']}{address}{', draining' if pod['draining'] else ''}"


def _arriving(answer: JSON, place: JSON) -> Iterator[str]:
    """What of the request is different when it arrives there."""
    before, after = answer["headers"], place["headers"]
    if place["authority"] and place["authority"] != before.get(":authority"):
        yield f"host {before[':authority']} becomes {place['authority']}"
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new or name.startswith((_OWN, ":")):
            continue
        yield f"header {name} {'removed' if new is None else f'is {new}' if old is None else f'{old} becomes {new}'}"
    yield from (f"its answer: {_operation(each)}" for each in place["response_headers"])


def _retries(retries: JSON | None) -> str:
    if not retries:
        return "none"
    each = retries["per_try_timeout_seconds"]
    limit = f", each try {each:g}s at most" if each else ""
    return f"{retries['attempts']} at most, on {', '.join(retries['on'])}{limit}"


def _operation(operation: JSON) -> str:
    if operation["verb"] == "remove":
        return f"header {operation['name']} removed"
    return f"header {operation['name']} {'set to' if operation['verb'] == 'set' else 'added:'} {operation['value']}"
