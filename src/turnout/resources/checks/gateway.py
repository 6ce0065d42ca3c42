"""Gateway: its servers, their ports, hosts and certificates."""

from __future__ import annotations

from turnout.resources.checks.server_tls import check_server_tls
from turnout.resources.checks.value import check_port, check_unique, unix_fault
from turnout.resources.finding import Findings
from turnout.resources.gateway import Gateway, Port, Server
from turnout.resources.host import host_fault, is_ip
from turnout.resources.layout import Path
from turnout.resources.name import is_host_label
from turnout.resources.protocol import is_http, is_protocol, is_tls
from turnout.resources.spelling import closest, shown

_UNIX = "unix://"
_LISTED = ("HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "REDIS", "MYSQL", "TCP", "TLS")


def check_gateway(resource: Gateway, findings: Findings) -> None:
    servers = resource.spec.servers
    at: Path = ("spec", "servers")
    if not servers:
        findings.add("TNO155", at, "a Gateway must have at least one server")
    for number, server in enumerate(servers):
        _check_server(server, (*at, number), findings)
    names = (server.port.name if server.port else "" for server in servers)
    check_unique(names, at, "port", "the port name", findings)


def _check_server(server: Server, at: Path, findings: Findings) -> None:
    if not server.hosts:
        findings.add("TNO155", at, "the server must have at least one host", "`hosts: ['*']` takes every host")
    for number, host in enumerate(server.hosts):
        _check_host(host, (*at, "hosts", number), findings)
    _check_bind(server, at, findings)
    if server.port is None:
        findings.add("TNO156", at, "the server's port is missing", "write `port: {number, name, protocol}`")
    else:
        _check_port(server.port, server.bind, (*at, "port"), findings)
        _check_tls_fits(server, server.port, at, findings)
    if server.tls is not None:
        check_server_tls(server.tls, (*at, "tls"), findings)


def _check_host(text: str, at: Path, findings: Findings) -> None:
    """`host`, or `namespace/host` with `.` and `*` for this and every namespace."""
    namespace, slash, host = text.rpartition("/")
    if slash and namespace not in (".", "*") and not is_host_label(namespace):
        findings.add("TNO103", at, f"{shown(text)}: {shown(namespace)} is no namespace")
    fault = host_fault(host)
    if fault and not is_ip(host):
        findings.add("TNO103", at, f"invalid domain: {fault}")
    elif host != "*" and "." not in host and not is_ip(host):
        findings.add("TNO103", at, f"{shown(host)}: short names are not allowed in a Gateway", "write the whole name")
    elif host.startswith("*") and host != "*" and not host.startswith("*."):
        findings.add("TNO103", at, f'partial wildcard "{host}" not allowed', "write `*.` and a domain")


def _check_port(port: Port, bind: str, at: Path, findings: Findings) -> None:
    if not is_protocol(port.protocol):
        near = closest(port.protocol, _LISTED)
        hint = f"did you mean {near}?" if near else f"supported protocols are {', '.join(_LISTED)}"
        findings.add("TNO156", (*at, "protocol"), f"invalid protocol {shown(port.protocol)}", hint)
    if port.number > 0 or not bind.startswith(_UNIX):
        check_port(port.number, (*at, "number"), findings)
    if port.target_port:
        hint = "the port of the gateway's workload follows from its Service"
        findings.add("TNO156", (*at, "targetPort"), "targetPort has no effect in a Gateway", hint)
    if not port.name:
        findings.add("TNO156", at, "the port name must be set")


def _check_bind(server: Server, at: Path, findings: Findings) -> None:
    bind = server.bind
    here: Path = (*at, "bind")
    if bind.startswith(_UNIX):
        if fault := unix_fault(bind.removeprefix(_UNIX)):
            findings.add("TNO160", here, fault)
        if server.port is not None and server.port.number != 0:
            findings.add("TNO160", (*at, "port", "number"), "port number must be 0 for unix domain socket")
    elif bind and not is_ip(bind):
        findings.add("TNO160", here, f"{shown(bind)} is no IP address")


def _check_tls_fits(server: Server, port: Port, at: Path, findings: Findings) -> None:
    tls = server.tls
    if is_tls(port.protocol):
        if tls is None:
            findings.add("TNO157", at, "server must have TLS settings for HTTPS/TLS protocols", "add `tls`")
        elif tls.https_redirect:
            findings.add("TNO161", (*at, "tls", "httpsRedirect"), "httpsRedirect is for servers of plain HTTP")
    elif tls is not None and is_http(port.protocol):
        has_files = tls.ca_certificates or tls.private_key or tls.server_certificate
        if has_files or tls.mode not in ("PASSTHROUGH", "AUTO_PASSTHROUGH"):
            hint = "use protocol HTTPS; plain HTTP takes only `httpsRedirect`"
            findings.add("TNO157", (*at, "tls"), "server cannot have TLS settings for plain text HTTP ports", hint)
    elif tls is not None and is_protocol(port.protocol):
        hint = "use protocol TLS"
        findings.add("TNO157", (*at, "tls"), "server cannot have TLS settings for non HTTPS/TLS ports", hint)
