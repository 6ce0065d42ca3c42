"""The codes of `istioctl analyze` that Turnout reports, with istioctl's severities.

Source: istio.io/latest/docs/reference/config/analysis, and Istio's `pkg/config/analysis/msg/messages.yaml`.
"""

from __future__ import annotations

from turnout.problem import ObjectPath, Problem, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

ISTIO_CODES = {
    "IST0101": (ERROR, "something that is referred to does not exist"),
    "IST0106": (ERROR, "an object breaks its schema"),
    "IST0109": (ERROR, "several VirtualServices speak for one host on the mesh"),
    "IST0112": (ERROR, "a destination does not say which of several ports it means"),
    "IST0116": (WARNING, "a Deployment belongs to Services that use one port for different protocols"),
    "IST0118": (INFO, "the name of a Service's port does not say its protocol"),
    "IST0128": (WARNING, "TLS to a destination checks no certificate authority"),
    "IST0129": (WARNING, "TLS to a port of a destination checks no certificate authority"),
    "IST0130": (WARNING, "a rule can never be reached"),
    "IST0131": (INFO, "a match is never used: an earlier one takes what it takes"),
    "IST0132": (WARNING, "a gateway that a VirtualService is bound to serves none of its hosts"),
    "IST0133": (WARNING, "an object is valid, and hardly what was meant"),
    "IST0134": (WARNING, "a ServiceEntry with a TCP port needs addresses"),
    "IST0137": (WARNING, "a Deployment belongs to Services that lead different ports to one target port"),
    "IST0138": (WARNING, "several Gateways use one certificate"),
    "IST0140": (WARNING, "subsets of a VirtualService on the mesh do not count at the gateway"),
    "IST0145": (ERROR, "several Gateways serve one host on one port"),
    "IST0149": (ERROR, "a route asks for claims of a token that nothing reads"),
    "IST0150": (WARNING, "the name of an ExternalName Service's port does not say its protocol"),
    "IST0161": (ERROR, "the Secret of a gateway holds no valid certificate"),
    "IST0162": (WARNING, "a Gateway's port is on no Service of the gateway's pods"),
    "IST0165": (WARNING, "a VirtualService names a gateway that Istio makes for itself"),
    "IST0171": (WARNING, "the status of an object says that something is not in order"),
    "IST0173": (ERROR, "a subset selects no pods"),
    "IST0174": (WARNING, "a DestinationRule is about a host that does not exist"),
    "IST0177": (WARNING, "several ServiceEntries give one port of a host different protocols"),
}
"""Code to severity and meaning. docs/problems.md lists them; a test compares the two."""


def istio_problem(code: str, where: ObjectPath, message: str, hint: str | None = None) -> Problem:
    """A finding under istioctl's code, with its severity."""
    return Problem(code, ISTIO_CODES[code][0], message, where, hint)
