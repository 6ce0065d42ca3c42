"""Envoy's response flags in words: why a request went as it did.

The facts are those of Envoy's documentation (access logging, `%RESPONSE_FLAGS%`); a test compares the lists.
"""

from __future__ import annotations

SENTENCES = {
    # There was nobody to send it to.
    "NR": "No route matches the request.",
    "NC": "The route leads to a service or a subset that does not exist.",
    "UH": "No pod of the destination was ready to answer.",
    "DF": "The destination's name could not be resolved.",
    "UO": "A circuit breaker was open: there were too many connections or requests to the destination.",
    "DO": "It was one of those requests that are dropped on purpose, because the destination has too many.",
    "UDO": "All requests to the destination are dropped on purpose.",
    "LH": "Envoy reports itself as unhealthy, and did not pass the request on.",
    # The destination did not answer as it should have.
    "UF": "The connection to the destination could not be made.",
    "UC": "The destination closed the connection before it had answered.",
    "UR": "The destination broke the request off.",
    "UT": "The destination did not answer within the route's timeout.",
    "UPE": "The destination's answer was no valid HTTP.",
    "UMSDR": "The request to the destination took longer than one may.",
    "URX": "It was tried as often as the route allows, and the last attempt failed too.",
    "LR": "Envoy broke the request to the destination off.",
    # The client, or the time.
    "DC": "The client hung up before it had the whole answer.",
    "DR": "The client broke the request off.",
    "DPE": "The client's request was no valid HTTP.",
    "IH": "A header of the request that Envoy checks had an invalid value.",
    "SI": "Nothing was sent either way for longer than a request may be idle.",
    "DT": "The client's connection was older than one may become.",
    # Somebody wanted it so.
    "FI": "A fault that the VirtualService injects was the answer.",
    "DI": "A fault that the VirtualService injects delayed the request.",
    "RL": "A rate limit refused the request.",
    "RLSE": "The rate limit service failed, and so the request was refused.",
    "UAEX": "An authorization service refused the request.",
    "OM": "Envoy ended the request because it was short of memory or connections.",
    "NFCF": "A filter's configuration had not come in time.",
    "RFCF": "Envoy answered from its cache.",
}
"""Each is a whole sentence; a request may have several flags."""


def split(flags: str) -> list[str]:
    """`URX,UF` as Envoy writes it, one by one; of `-`, which stands for none, nothing is left."""
    return [flag for flag in flags.split(",") if flag not in ("", "-")]


def in_words(flags: str) -> str:
    """The sentences of `URX,UF` one after the other; empty when there is nothing to explain."""
    return " ".join(SENTENCES.get(flag, f"Envoy set the flag {flag}.") for flag in split(flags))
