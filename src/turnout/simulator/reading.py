"""What a route of Envoy's says, in an answer's words and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.config.route.v3.route_components_pb2 import RetryPolicy, Route, WeightedCluster
from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from google.protobuf.message import Message

from turnout.compiler import cors
from turnout.compiler import fault as faults
from turnout.compiler.match_words import words
from turnout.compiler.route import label
from turnout.mesh.rule import Rule
from turnout.problem import ObjectPath
from turnout.resources.sticky import ANNOTATION, parsed
from turnout.simulator import answer
from turnout.simulator.answer import Operation, Retries, RuleName
from turnout.simulator.matching import is_string

_MILLIONTHS_OF_A_PERCENT = 10_000


def name(rule: Rule) -> RuleName:
    return RuleName(_where(rule), label(rule), words(rule.match), _root(rule))


def _where(rule: Rule) -> ObjectPath | None:
    if rule.virtual_service is None:
        return None
    meta, spec = rule.virtual_service.metadata, rule.virtual_service.spec
    kind, routes, matches = (
        (rule.gateway_api, "rules", "matches") if rule.gateway_api else ("VirtualService", "http", "match")
    )
    path = f"spec.{routes}[{rule.index}]"
    if spec.http[rule.index].match:  # a delegate may leave that to its root
        path += f".{matches}[{rule.match_index}]"
    return ObjectPath(kind, meta.namespace, meta.name, path)


def _root(rule: Rule) -> ObjectPath | None:
    if rule.root is None:
        return None
    meta = rule.root.virtual_service.metadata
    return ObjectPath("VirtualService", meta.namespace, meta.name, f"spec.http[{rule.root.index}]")


def split(rule: Rule) -> str:
    """`by cookie user`; empty where chance decides."""
    owner = rule.virtual_service
    wanted = parsed(owner.metadata.annotations.get(ANNOTATION, "")) if owner else None
    return wanted.words if wanted else ""


def fault(route: Route) -> answer.Fault | None:
    """None: nothing is injected into any request."""
    built = HTTPFault()
    if not _read(route, faults.FILTER, built):
        return None
    delayed = built.delay.percentage.numerator / _MILLIONTHS_OF_A_PERCENT
    aborted = built.abort.percentage.numerator / _MILLIONTHS_OF_A_PERCENT
    kind = built.abort.WhichOneof("error_type") if aborted else None
    found = answer.Fault(
        delay_seconds=built.delay.fixed_delay.ToTimedelta().total_seconds() if delayed else None,
        delay_percent=delayed,
        abort_status=built.abort.http_status if kind == "http_status" else None,
        abort_grpc_status=built.abort.grpc_status if kind == "grpc_status" else None,
        abort_percent=aborted,
    )
    return found if delayed or aborted else None


def retries(policy: RetryPolicy) -> Retries:
    codes = [str(code) for code in policy.retriable_status_codes]
    limit = policy.per_try_timeout.ToTimedelta().total_seconds() if policy.HasField("per_try_timeout") else None
    return Retries(policy.num_retries.value, (*policy.retry_on.split(","), *codes), limit)


def response_headers(route: Route | WeightedCluster.ClusterWeight) -> Iterator[Operation]:
    """In the order in which they are carried out."""
    yield from (Operation("remove", each) for each in route.response_headers_to_remove)
    for action, verb in (
        (HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD, "set"),
        (HeaderValueOption.APPEND_IF_EXISTS_OR_ADD, "add"),
    ):
        for each in route.response_headers_to_add:
            if each.append_action == action:
                yield Operation(verb, each.header.key, each.header.value)


def is_answered_preflight(route: Route, headers: Mapping[str, str]) -> bool:
    """Envoy answers the preflights of origins that the policy allows, and where it says IGNORE those of others too."""
    policy = CorsPolicy()
    if not _read(route, cors.FILTER, policy):
        return False
    if headers[":method"] != "OPTIONS" or "access-control-request-method" not in headers or "origin" not in headers:
        return False
    allowed = any(is_string(each, headers["origin"]) for each in policy.allow_origin_string_match)
    return allowed or not policy.forward_not_matching_preflights.value


def _read(route: Route, filter_name: str, config: Message) -> bool:
    """Whether the route says something to a filter; `config` is what."""
    known = filter_name in route.typed_per_filter_config
    return known and route.typed_per_filter_config[filter_name].Unpack(config)
