"""Instances to cluster load assignments, each endpoint labelled with the version that answers there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.health_check_pb2 import DRAINING, HEALTHY
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from turnout.compiler import locality
from turnout.compiler.values import metadata
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Target
from turnout.mesh.service import Instance, canonical_name, revision
from turnout.mesh.service_entry import UNIX
from turnout.mesh.sight import sight
from turnout.resources.destination_rule import Subset

SERIES = "%UPSTREAM_HOST_NAME%"
"""The endpoint's part of its requests' series: workload, namespace, canonical service and revision, and subset.

It is the endpoint's host name, which has no other use here: for every request Envoy takes it as it is, and would search
metadata by two names. An endpoint without one is told by its address, which has no such parts.
"""


def assignments(mesh: Mesh, targets: Iterable[Target]) -> Iterator[ClusterLoadAssignment]:
    """One for each target, empty where nothing runs."""
    for (host, port, view), group in groupby(targets, key=lambda target: (target.host, target.port, target.view)):
        service, policy, caller = mesh.services[host], mesh.policy(host, view), sight(view)
        subsets = policy.subsets
        service_port = service.port(port)
        assert service_port is not None, "targets are made from ports"
        members = [instance for instance in mesh.members[host] if instance.serves(service_port)]
        running = [(i, _endpoint(i, i.target(service_port), _subset_of(i, subsets))) for i in members]
        for target in group:
            subset = next((own for own in subsets if own.name == target.subset), None)
            if subset is None:
                yield _assignment(target.cluster, locality.groups(running, policy.policy(port), caller))
                continue
            own = [(i, endpoint) for i, endpoint in running if i.labels.items() >= subset.labels.items()]
            asked = [(i, _as_asked(i, endpoint, subset, subsets)) for i, endpoint in own]
            yield _assignment(target.cluster, locality.groups(asked, policy.policy(port, subset), caller))


def _as_asked(instance: Instance, endpoint: LbEndpoint, subset: Subset, subsets: Iterable[Subset]) -> LbEndpoint:
    """Of an instance that is in several subsets, it is the one asked for that has answered."""
    if _subset_of(instance, subsets) in (subset.name, ""):
        return endpoint
    port = endpoint.endpoint.address.socket_address.port_value
    return _endpoint(instance, port, subset.name)


def _assignment(name: str, groups: list[LocalityLbEndpoints]) -> ClusterLoadAssignment:
    return ClusterLoadAssignment(cluster_name=name, endpoints=groups)


def _subset_of(instance: Instance, subsets: Iterable[Subset]) -> str:
    """The first subset that an instance belongs to; empty when it is in none."""
    matching = (s.name for s in subsets if s.labels and s.labels.items() <= instance.labels.items())
    return next(matching, "")


def socket_address(address: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=address, port_value=port))


def _endpoint(instance: Instance, port: int, subset: str) -> LbEndpoint:
    service = canonical_name(instance.labels, instance.workload)
    labels = (instance.workload, instance.namespace, service, revision(instance.labels), subset or "-")
    built = LbEndpoint(
        endpoint=Endpoint(address=_address(instance.address, port), hostname=",".join(labels)),
        health_status=DRAINING if instance.draining else HEALTHY,
        metadata=metadata({"answered": subset or instance.workload}),
    )
    if instance.weight:
        built.load_balancing_weight.value = instance.weight
    return built


def _address(address: str, port: int) -> Address:
    if address.startswith(UNIX):
        return Address(pipe=Pipe(path=address.removeprefix(UNIX)))
    return socket_address(address, port)
