"""The HTTP filters of a listener. What only some routes use is off until a route switches it on, and costs nothing."""

from __future__ import annotations

from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutation as Mutation
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.route.v3.route_components_pb2 import FilterConfig
from envoy.extensions.common.matching.v3.extension_matcher_pb2 import ExtensionWithMatcher
from envoy.extensions.filters.common.matcher.action.v3.skip_action_pb2 import SkipFilter
from envoy.extensions.filters.http.cors.v3.cors_pb2 import Cors
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.http.header_mutation.v3.header_mutation_pb2 import HeaderMutation, Mutations
from envoy.extensions.filters.http.header_to_metadata.v3.header_to_metadata_pb2 import Config as HeaderToMetadata
from envoy.extensions.filters.http.router.v3.router_pb2 import Router
from envoy.extensions.filters.http.tap.v3.tap_pb2 import Tap
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import (
    HeaderMutation as EarlyHeaderMutation,
)
from envoy.type.matcher.v3.http_inputs_pb2 import HttpRequestHeaderMatchInput
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from xds.core.v3.extension_pb2 import TypedExtensionConfig as XdsExtension
from xds.type.matcher.v3.matcher_pb2 import Matcher

from turnout.compiler import cors, fault, user_log
from turnout.compiler.values import NAMESPACE, option, packed

MANAGER = "envoy.filters.network.http_connection_manager"
EARLY_MUTATION = "envoy.http.early_header_mutation.header_mutation"
ID_HEADER = "x-turnout-id"
"""What each request carries, and its copies: unique, and by chance, so that its first digits take a sample."""
TAP = "envoy.filters.http.tap"
TAP_ID = "turnout"
"""The name under which Envoy's admin interface arms all taps at once. One at a time may."""
LOAD_HEADER = "x-turnout-load"
VERSION_HEADER = "x-turnout-version"


def router() -> HttpFilter:
    """Without Envoy's own counts by response code and histograms by cluster: the access log counts them better."""
    config = Router()
    config.dynamic_stats.value = False
    return HttpFilter(name="envoy.filters.http.router", typed_config=packed(config))


def chain() -> list[HttpFilter]:
    """CORS before fault, as Istio orders them; the router last, and before it the tap: it sees what services say."""
    by_route = {cors.FILTER: Cors(), fault.FILTER: HTTPFault(), user_log.FILTER: HeaderToMetadata()}
    off = [_off(name, config) for name, config in by_route.items()]
    return [*off, _name_the_version(), _off(TAP, _tap()), router()]


def tap() -> HttpFilter:
    """Of every request. Idle until somebody arms it."""
    return HttpFilter(name=TAP, typed_config=packed(_tap()))


def tapped() -> FilterConfig:
    """Of the requests of a route: present and empty is on."""
    return FilterConfig(config=Any())


def _tap() -> Tap:
    """Requests and answers are handed out as they were when the headers came."""
    config = Tap(record_headers_received_time=True)
    config.common_config.admin_config.config_id = TAP_ID
    return config


def _off(name: str, config: Message) -> HttpFilter:
    return HttpFilter(name=name, typed_config=packed(config), disabled=True)


def _name_the_version() -> HttpFilter:
    """Requests of `turnout load` are told which version answered; nobody else's response is touched."""
    answered = option(VERSION_HEADER, f"%UPSTREAM_METADATA({NAMESPACE}:answered)%")
    mutation = HeaderMutation(mutations=Mutations(response_mutations=[Mutation(append=answered)]))
    wrapped = ExtensionWithMatcher(
        xds_matcher=_unless_present(LOAD_HEADER),
        extension_config=TypedExtensionConfig(name="envoy.filters.http.header_mutation", typed_config=packed(mutation)),
    )
    return HttpFilter(name="turnout.version", typed_config=packed(wrapped))


def _unless_present(header: str) -> Matcher:
    """Skips the filter for requests without the header."""
    wanted = HttpRequestHeaderMatchInput(header_name=header)
    predicate = Matcher.MatcherList.Predicate()
    predicate.single_predicate.input.CopyFrom(XdsExtension(name="header", typed_config=packed(wanted)))
    predicate.single_predicate.value_match.safe_regex.regex = ".+"
    predicate.single_predicate.value_match.safe_regex.google_re2.SetInParent()
    absent = Matcher.MatcherList.Predicate(not_matcher=predicate)
    skip = Matcher.OnMatch(action=XdsExtension(name="skip", typed_config=packed(SkipFilter())))
    return Matcher(
        matcher_list=Matcher.MatcherList(matchers=[Matcher.MatcherList.FieldMatcher(predicate=absent, on_match=skip)])
    )


def early_mutation(*removed: str) -> TypedExtensionConfig:
    """Before routing sees a request: gives it an id, and takes from it what only Turnout may say."""
    mutations = [Mutation(append=option(ID_HEADER, "%UNIQUE_ID%")), *(Mutation(remove=name) for name in removed)]
    return TypedExtensionConfig(
        name=EARLY_MUTATION,
        typed_config=packed(EarlyHeaderMutation(mutations=mutations)),
    )
