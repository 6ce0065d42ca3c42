"""Deployments, as Kubernetes checks them, as far as Turnout runs them."""

from __future__ import annotations

from turnout.resources.checks.kubernetes import check_target_port
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.value import check_not_negative, check_port, check_unique
from turnout.resources.core import (
    Container,
    ContainerPort,
    Deployment,
    DeploymentSpec,
    EnvVar,
    Probe,
)
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.name import is_label, is_port_name
from turnout.resources.spelling import shown

_TEMPLATE: Path = ("spec", "template", "spec")


def check_deployment(resource: Deployment, findings: Findings) -> None:
    spec = resource.spec
    check_not_negative(spec.replicas, ("spec", "replicas"), findings)
    check_labels(spec.template.metadata.labels, ("spec", "template", "metadata", "labels"), findings)
    _check_selector(spec, findings)
    grace = spec.template.spec.termination_grace_period_seconds
    check_not_negative(grace, (*_TEMPLATE, "terminationGracePeriodSeconds"), findings)
    containers = spec.template.spec.containers
    at: Path = (*_TEMPLATE, "containers")
    if not containers:
        findings.add("TNO182", _TEMPLATE, "the pod template has no containers")
    check_unique((container.name for container in containers), at, "name", "the container name", findings)
    for number, container in enumerate(containers):
        _check_container(container, (*at, number), findings)


def _check_selector(spec: DeploymentSpec, findings: Findings) -> None:
    selector, labels = spec.selector, spec.template.metadata.labels
    if not selector.match_labels and not selector.match_expressions:
        hint = "write `selector: {matchLabels: …}` with labels of the pod template"
        findings.add("TNO181", ("spec",), "the Deployment has no selector", hint)
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            has = f"has {shown(labels[key])}" if key in labels else "has no such label"
            message = f"the selector asks for {shown(f'{key}={value}')}, but the pod template {has}"
            findings.add("TNO181", ("spec", "selector", "matchLabels", key), message)
    for number, requirement in enumerate(selector.match_expressions):
        if not requirement.holds(labels):
            message = f"the pod template's labels do not match the expression on {shown(requirement.key)}"
            findings.add("TNO181", ("spec", "selector", "matchExpressions", number), message)


def _check_container(container: Container, at: Path, findings: Findings) -> None:
    if not is_label(container.name):
        hint = "use lower-case letters, digits and `-`"
        findings.add("TNO101", (*at, "name"), f"{shown(container.name)} cannot be the name of a container", hint)
    if not container.image:
        findings.add("TNO182", at, "the container has no image")
    check_unique((port.name for port in container.ports), (*at, "ports"), "name", "the port name", findings)
    for number, port in enumerate(container.ports):
        _check_port(port, (*at, "ports", number), findings)
    for number, variable in enumerate(container.env):
        _check_variable(variable, (*at, "env", number), findings)
    for name, probe in (
        ("readinessProbe", container.readiness_probe),
        ("livenessProbe", container.liveness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            _check_probe(probe, (*at, name), findings, may_need_many=name == "readinessProbe")


def _check_port(port: ContainerPort, at: Path, findings: Findings) -> None:
    check_port(port.container_port, (*at, "containerPort"), findings)
    if port.name and not is_port_name(port.name):
        hint = "use at most 15 lower-case letters, digits and `-`, at least one letter"
        findings.add("TNO101", (*at, "name"), f"{shown(port.name)} cannot be the name of a port", hint)


def _check_variable(variable: EnvVar, at: Path, findings: Findings) -> None:
    if not variable.name or "=" in variable.name:
        findings.add("TNO183", (*at, "name"), f"{shown(variable.name)} cannot be the name of a variable")
    source = variable.value_from
    if source is None:
        return
    if variable.value:
        findings.add("TNO183", at, f"{shown(variable.name)} has both `value` and `valueFrom`", "keep one of the two")
    given = [ref for ref in (source.config_map_key_ref, source.secret_key_ref, source.field_ref) if ref is not None]
    if len(given) > 1:
        findings.add("TNO183", (*at, "valueFrom"), f"{shown(variable.name)} comes from several places")
    for name, ref in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
        if ref is not None and not (ref.name and ref.key):
            findings.add("TNO183", (*at, "valueFrom", name), f"`{name}` needs both `name` and `key`")


def _check_probe(probe: Probe, at: Path, findings: Findings, *, may_need_many: bool) -> None:
    handlers = [handler for handler in (probe.http_get, probe.tcp_socket, probe.exec) if handler is not None]
    if len(handlers) > 1:
        findings.add("TNO184", at, "a probe has one of httpGet, tcpSocket and exec, not several")
    for name, value, least in (
        ("initialDelaySeconds", probe.initial_delay_seconds, 0),
        ("periodSeconds", probe.period_seconds, 1),
        ("timeoutSeconds", probe.timeout_seconds, 1),
        ("successThreshold", probe.success_threshold, 1),
        ("failureThreshold", probe.failure_threshold, 1),
    ):
        if value < least:
            findings.add("TNO184", (*at, name), f"{name} {value} must be at least {least}")
    if not may_need_many and probe.success_threshold > 1:
        findings.add("TNO184", (*at, "successThreshold"), "successThreshold must be 1 for this probe")
    if probe.http_get is not None:
        check_target_port(probe.http_get.port, (*at, "httpGet", "port"), findings)
    if probe.tcp_socket is not None:
        check_target_port(probe.tcp_socket.port, (*at, "tcpSocket", "port"), findings)
    if probe.exec is not None and not probe.exec.command:
        findings.add("TNO184", (*at, "exec"), "the probe has no command to run")
