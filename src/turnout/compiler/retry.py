"""Retries: Istio's default policy, or what the route says."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RetryPolicy
from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)

from turnout.compiler.values import duration, packed, uint32
from turnout.resources.virtual_service import HTTPRetry

RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
ATTEMPTS = 2
_HOST_SELECTION_ATTEMPTS = 5


def policy(retry: HTTPRetry | None, *, consistent_hash: bool) -> RetryPolicy | None:
    """None: `attempts: 0`. A consistent hash keeps its host, so a retry is not sent elsewhere unless asked for."""
    if retry is None:
        retry = HTTPRetry(attempts=ATTEMPTS)
    if retry.attempts <= 0:
        return None
    conditions, codes = _split(retry.retry_on or RETRY_ON)
    built = RetryPolicy(retry_on=",".join(conditions), num_retries=uint32(retry.attempts), retriable_status_codes=codes)
    if retry.per_try_timeout:
        built.per_try_timeout.CopyFrom(duration(retry.per_try_timeout))
    if retry.backoff:
        built.retry_back_off.base_interval.CopyFrom(duration(retry.backoff))
    built.host_selection_retry_max_attempts = _HOST_SELECTION_ATTEMPTS
    elsewhere = retry.retry_ignore_previous_hosts
    if not consistent_hash if elsewhere is None else elsewhere:
        built.retry_host_predicate.add(
            name="envoy.retry_host_predicates.previous_hosts", typed_config=packed(PreviousHostsPredicate())
        )
    if retry.retry_remote_localities:
        _elsewhere(built)
    return built


def _elsewhere(built: RetryPolicy) -> None:
    """From the second retry on, among endpoints that are less preferred than those which failed."""
    built.retry_priority.name = "envoy.retry_priorities.previous_priorities"
    built.retry_priority.typed_config.CopyFrom(packed(PreviousPrioritiesConfig(update_frequency=2)))


def _split(retry_on: str) -> tuple[list[str], list[int]]:
    """Integers are status codes; they need the condition that looks at them."""
    tokens = [token.strip() for token in retry_on.split(",")]
    codes = [int(token) for token in tokens if token.isdecimal()]
    conditions = [token for token in tokens if token and not token.isdecimal()]
    if codes and "retriable-status-codes" not in conditions:
        conditions.append("retriable-status-codes")
    return conditions, codes
