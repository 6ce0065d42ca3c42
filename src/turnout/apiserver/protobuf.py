"""Bodies in Kubernetes' protobuf encoding: what kubectl's `create` and `auth`, and newer Go clients, send.

They are read as far as such clients need it; a field that is not in the tables here is refused, never left out. The
encoding is described under "Kubernetes Protobuf encoding" in Kubernetes' API concepts; the numbers are those of the
published API. Answers are JSON, which these clients take as well.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"
MAX_NESTING: Final = 32
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """The bytes are no such message, or hold what is not read here."""


MESSAGES: Final[Mapping[str, str]] = {
    # What all have in common.
    "Unknown": "1 typeMeta:TypeMeta 2 raw:bytes 3 contentEncoding 4 contentType",
    "TypeMeta": "1 apiVersion 2 kind",
    "ObjectMeta": "1 name 2 generateName 3 namespace 4 selfLink 5 uid 6 resourceVersion 7 generation:int"
    " 8 creationTimestamp:Time 9 deletionTimestamp:Time 10 deletionGracePeriodSeconds:int! 11 labels:map"
    " 12 annotations:map 13 ownerReferences:[OwnerReference 14 finalizers:[ 17 managedFields:ignored",
    "OwnerReference": "1 kind 3 name 4 uid 5 apiVersion 6 controller:bool! 7 blockOwnerDeletion:bool!",
    "LabelSelector": "1 matchLabels:map 2 matchExpressions:[LabelSelectorRequirement",
    "LabelSelectorRequirement": "1 key 2 operator 3 values:[",
    # Kubernetes' own kinds, as commands make them.
    "Namespace": "1 metadata:ObjectMeta 2 spec:NamespaceSpec 3 status:NamespaceStatus",
    "NamespaceSpec": "1 finalizers:[",
    "NamespaceStatus": "1 phase",
    "ConfigMap": "1 metadata:ObjectMeta 2 data:map 3 binaryData:bytemap 4 immutable:bool!",
    "Secret": "1 metadata:ObjectMeta 2 data:bytemap 3 type 4 stringData:map 5 immutable:bool!",
    "ServiceAccount": "1 metadata:ObjectMeta 3 imagePullSecrets:[LocalObjectReference"
    " 4 automountServiceAccountToken:bool!",
    "LocalObjectReference": "1 name",
    "Service": "1 metadata:ObjectMeta 2 spec:ServiceSpec 3 status:ignored",
    "ServiceSpec": "1 ports:[ServicePort 2 selector:map 3 clusterIP 4 type 5 externalIPs:[ 7 sessionAffinity"
    " 8 loadBalancerIP 10 externalName 11 externalTrafficPolicy 12 healthCheckNodePort:int"
    " 13 publishNotReadyAddresses:bool 17 ipFamilyPolicy 18 clusterIPs:[ 19 ipFamilies:[ 22 internalTrafficPolicy",
    "ServicePort": "1 name 2 protocol 3 port:int 4 targetPort:IntOrString 5 nodePort:int 6 appProtocol",
    "Deployment": "1 metadata:ObjectMeta 2 spec:DeploymentSpec 3 status:ignored",
    "DeploymentSpec": "1 replicas:int! 2 selector:LabelSelector 3 template:PodTemplateSpec"
    " 4 strategy:DeploymentStrategy 5 minReadySeconds:int 6 revisionHistoryLimit:int! 7 paused:bool"
    " 9 progressDeadlineSeconds:int!",
    "DeploymentStrategy": "1 type 2 rollingUpdate:RollingUpdateDeployment",
    "RollingUpdateDeployment": "1 maxUnavailable:IntOrString 2 maxSurge:IntOrString",
    "PodTemplateSpec": "1 metadata:ObjectMeta 2 spec:PodSpec",
    "PodSpec": "2 containers:[Container 3 restartPolicy 4 terminationGracePeriodSeconds:int! 6 dnsPolicy"
    " 7 nodeSelector:map 8 serviceAccountName 9 serviceAccount 10 nodeName 11 hostNetwork:bool 14 securityContext:Empty"
    " 15 imagePullSecrets:[LocalObjectReference 16 hostname 17 subdomain 19 schedulerName",
    "Container": "1 name 2 image 3 command:[ 4 args:[ 5 workingDir 6 ports:[ContainerPort 7 env:[EnvVar"
    " 8 resources:Empty 10 livenessProbe:Probe 11 readinessProbe:Probe 13 terminationMessagePath 14 imagePullPolicy"
    " 16 stdin:bool 17 stdinOnce:bool 18 tty:bool 20 terminationMessagePolicy 22 startupProbe:Probe",
    "ContainerPort": "1 name 2 hostPort:int 3 containerPort:int 4 protocol 5 hostIP",
    "EnvVar": "1 name 2 value 3 valueFrom:EnvVarSource",
    "EnvVarSource": "1 fieldRef:ObjectFieldSelector 3 configMapKeyRef:KeySelector 4 secretKeyRef:KeySelector",
    "ObjectFieldSelector": "1 apiVersion 2 fieldPath",
    "KeySelector": "1 localObjectReference:LocalObjectReference^ 2 key 3 optional:bool!",
    "Probe": "1 handler:ProbeHandler^ 2 initialDelaySeconds:int 3 timeoutSeconds:int 4 periodSeconds:int"
    " 5 successThreshold:int 6 failureThreshold:int 7 terminationGracePeriodSeconds:int!",
    "ProbeHandler": "1 exec:ExecAction 2 httpGet:HTTPGetAction 3 tcpSocket:TCPSocketAction",
    "ExecAction": "1 command:[",
    "HTTPGetAction": "1 path 2 port:IntOrString 3 host 4 scheme",
    "TCPSocketAction": "1 port:IntOrString 2 host",
    "Event": "1 metadata:ObjectMeta 2 involvedObject:ObjectReference 3 reason 4 message 5 source:EventSource"
    " 6 firstTimestamp:Time 7 lastTimestamp:Time 8 count:int 9 type 10 eventTime:Time 12 action"
    " 14 reportingComponent 15 reportingInstance",
    "ObjectReference": "1 kind 2 namespace 3 name 4 uid 5 apiVersion 6 resourceVersion 7 fieldPath",
    "EventSource": "1 component 2 host",
    "Lease": "1 metadata:ObjectMeta 2 spec:LeaseSpec",
    "LeaseSpec": "1 holderIdentity 2 leaseDurationSeconds:int! 3 acquireTime:MicroTime 4 renewTime:MicroTime"
    " 5 leaseTransitions:int!",
    "Scale": "1 metadata:ObjectMeta 2 spec:ScaleSpec 3 status:ScaleStatus",
    "ScaleSpec": "1 replicas:int!",
    "ScaleStatus": "1 replicas:int 2 selector",
    "Role": "1 metadata:ObjectMeta 2 rules:[PolicyRule",
    "ClusterRole": "1 metadata:ObjectMeta 2 rules:[PolicyRule",
    "PolicyRule": "1 verbs:[ 2 apiGroups:[ 3 resources:[ 4 resourceNames:[ 5 nonResourceURLs:[",
    "RoleBinding": "1 metadata:ObjectMeta 2 subjects:[Subject 3 roleRef:RoleRef",
    "ClusterRoleBinding": "1 metadata:ObjectMeta 2 subjects:[Subject 3 roleRef:RoleRef",
    "Subject": "1 kind 2 apiGroup 3 name 4 namespace",
    "RoleRef": "1 apiGroup 2 kind 3 name",
    # What is asked, and not kept.
    "SelfSubjectReview": "1 metadata:ObjectMeta 2 status:ignored",
    "SelfSubjectAccessReview": "1 metadata:ObjectMeta 2 spec:SelfSubjectAccessReviewSpec 3 status:ignored",
    "SelfSubjectAccessReviewSpec": "1 resourceAttributes:ResourceAttributes"
    " 2 nonResourceAttributes:NonResourceAttributes",
    "ResourceAttributes": "1 namespace 2 verb 3 group 4 version 5 resource 6 subresource 7 name",
    "NonResourceAttributes": "1 path 2 verb",
    "SelfSubjectRulesReview": "1 metadata:ObjectMeta 2 spec:SelfSubjectRulesReviewSpec 3 status:ignored",
    "SelfSubjectRulesReviewSpec": "1 namespace",
    "DeleteOptions": "1 gracePeriodSeconds:int! 2 preconditions:Preconditions 3 orphanDependents:bool!"
    " 4 propagationPolicy 5 dryRun:[",
    "Preconditions": "1 uid 2 resourceVersion",
    "Empty": "",
    # Values with a form of their own in JSON.
    "Time": "1 seconds:int 2 nanos:int",
    "MicroTime": "1 seconds:int 2 nanos:int",
    "IntOrString": "1 type:int 2 intVal:int 3 strVal",
}
"""Message → number, name and type of each field. No type: a text; `[`: many; `^`: its fields are the outer one's;
`ignored`: the server's to say.

Clients write fields out that are not set: empty ones are left out again, but where `!` stands.
"""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: str = ""
    many: bool = False
    keeps_zero: bool = False
    inlined: bool = False


def _fields(text: str) -> dict[int, _Field]:
    words = iter(text.split())
    found = {}
    for number in words:
        name, _, kind = next(words).partition(":")
        plain = kind.strip("[!^")
        found[int(number)] = _Field(name, plain, "[" in kind, "!" in kind, "^" in kind)
    return found


_TABLES = {name: _fields(text) for name, text in MESSAGES.items()}


def decode(body: bytes) -> dict[str, Any]:
    """The object in a body, as JSON has it. Raises Malformed."""
    if not body.startswith(MAGIC):
        raise Malformed("the body is not in Kubernetes' protobuf encoding")
    envelope = _message("Unknown", body[len(MAGIC) :], 0)
    named = envelope.get("typeMeta", {})
    kind = named.get("kind", "")
    if kind not in _TABLES or not kind[:1].isupper():
        raise _unknown(f"the kind {kind!r}")
    raw = base64.b64decode(envelope.get("raw", ""))
    return {"apiVersion": named.get("apiVersion", ""), "kind": kind, **_message(kind, raw, 0)}


def _unknown(what: str) -> Malformed:
    hint = "send JSON: with kubectl, `--dry-run=client -o yaml | kubectl apply -f -`"
    return Malformed(f"{what} is read as JSON only; {hint}")


def _message(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth > MAX_NESTING:
        raise Malformed(f"nested deeper than {MAX_NESTING} levels")
    table, found = _TABLES[name], dict[str, Any]()
    for number, raw in _entries(data):
        field = table.get(number)
        if field is None and raw not in (0, b""):
            raise _unknown(f"field {number} of {name}")
        if field is None or field.type == "ignored":
            continue
        _put(found, field, _value(field.type, raw, depth))
    return found


def _put(found: dict[str, Any], field: _Field, value: Any) -> None:
    if field.inlined:
        found.update(value)
    elif field.many:
        found.setdefault(field.name, []).append(value)
    elif field.type in ("map", "bytemap"):
        found.setdefault(field.name, {}).update(value)
    elif field.keeps_zero or value not in ("", 0, False, None, {}):
        found[field.name] = value


def _value(kind: str, raw: int | bytes, depth: int) -> Any:
    if kind in ("int", "bool"):
        if not isinstance(raw, int):
            raise Malformed("a number is not encoded as one")
        return bool(raw) if kind == "bool" else raw - (1 << 64) if raw >= 1 << 63 else raw
    if isinstance(raw, int):
        raise Malformed("a text or a message is encoded as a number")
    if kind == "":
        return _text(raw)
    if kind == "bytes":
        return base64.b64encode(raw).decode()
    if kind in ("map", "bytemap"):
        entry = {number: value for number, value in _entries(raw) if isinstance(value, bytes)}
        of = "bytes" if kind == "bytemap" else ""
        return {_text(entry.get(1, b"")): _value(of, entry.get(2, b""), depth)}
    return _shaped(kind, _message(kind, raw, depth + 1))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is no UTF-8") from error


def _shaped(kind: str, value: dict[str, Any]) -> Any:
    """What JSON writes in another way than as an object."""
    if kind == "IntOrString":
        return value.get("strVal", "") if value.get("type") else value.get("intVal", 0)
    if kind not in ("Time", "MicroTime"):
        return value
    if not value:
        return None
    try:
        then = datetime.fromtimestamp(value.get("seconds", 0), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed(f"no time: {error}") from error
    fraction = f".{value.get('nanos', 0) // 1000:06d}" if kind == "MicroTime" else ""
    return then.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z")


# --- the wire


def _entries(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and content of each field."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            number, at = _varint(data, at)
            yield key >> 3, number
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(kind)
        if kind == BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise Malformed("the body is cut off, or no protobuf")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        number, at, shift = number | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return number & (1 << 64) - 1, at
    raise Malformed("the body is cut off, or no protobuf")
