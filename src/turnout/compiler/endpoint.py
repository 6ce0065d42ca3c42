"""Instances to cluster load assignments, each endpoint labelled with the version that answers there."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.core.v3.address_pb2 import Address, SocketAddress
from envoy.config.core.v3.health_check_pb2 import DRAINING, HEALTHY
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from turnout.compiler.values import metadata
from turnout.mesh import names
from turnout.mesh.mesh import Mesh, http_ports
from turnout.mesh.service import Instance, ServiceHost, revision
from turnout.resources.core import ServicePort
from turnout.resources.destination_rule import Subset


def assignments(mesh: Mesh) -> Iterator[ClusterLoadAssignment]:
    """One for each cluster of `compiler.cluster`, empty where nothing runs."""
    for host in mesh.services.values():
        for subset in (None, *mesh.policies[host.host].subsets):
            found = mesh.endpoints(host, subset)
            for port in http_ports(host):
                yield _assignment(mesh, host, port, subset, found)


def _assignment(
    mesh: Mesh, host: ServiceHost, port: ServicePort, subset: Subset | None, found: list[Instance]
) -> ClusterLoadAssignment:
    name = names.cluster(port.port, subset.name if subset else "", host.host)
    endpoints = [_endpoint(mesh, host, instance, instance.target(port)) for instance in found]
    groups = [LocalityLbEndpoints(lb_endpoints=endpoints)] if endpoints else []
    return ClusterLoadAssignment(cluster_name=name, endpoints=groups)


def socket_address(address: str, port: int) -> Address:
    return Address(socket_address=SocketAddress(address=address, port_value=port))


def _endpoint(mesh: Mesh, host: ServiceHost, instance: Instance, port: int) -> LbEndpoint:
    subset = mesh.subset_of(host, instance)
    labels = {
        "workload": instance.workload,
        "namespace": instance.namespace,
        "version": revision(instance.labels),
        "subset": subset or "-",
        "answered": subset or instance.workload,
    }
    return LbEndpoint(
        endpoint=Endpoint(address=socket_address(instance.address, port)),
        health_status=DRAINING if instance.draining else HEALTHY,
        metadata=metadata(labels),
    )
