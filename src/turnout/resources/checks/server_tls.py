"""The certificates of a Gateway's server."""

from __future__ import annotations

from turnout.resources.cipher_suite import CIPHER_SUITES
from turnout.resources.finding import Findings
from turnout.resources.gateway import ServerTLSSettings, TLSCertificate
from turnout.resources.layout import Path
from turnout.resources.spelling import shown


def check_server_tls(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    _check_suites(tls, at, findings)
    if tls.mode == "ISTIO_MUTUAL":
        _check_istio_mutual(tls, at, findings)
    elif tls.mode in ("PASSTHROUGH", "AUTO_PASSTHROUGH"):
        if _given(tls) or tls.ca_crl:
            findings.add("TNO159", (*at, "mode"), f"{tls.mode} mode does not use certificates, they will be ignored")
        _check_one_source(tls, at, findings)
    else:
        _check_one_source(tls, at, findings)
        _check_certificates(tls, at, findings)
        _check_revocations(tls, at, findings)


def _given(tls: ServerTLSSettings) -> dict[str, str]:
    """The certificate fields that are set, with the words Istio has for them."""
    every = {
        "serverCertificate": (tls.server_certificate, "server certificate"),
        "privateKey": (tls.private_key, "private key"),
        "caCertificates": (tls.ca_certificates, "CA bundle"),
        "tlsCertificates": (tls.tls_certificates, "tlsCertificates"),
        "credentialName": (tls.credential_name, "credentialName"),
        "credentialNames": (tls.credential_names, "credentialNames"),
    }
    return {name: words for name, (value, words) in every.items() if value}


def _check_istio_mutual(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    for name, words in _given(tls).items():
        hint = "the mesh brings its own certificates: remove it"
        findings.add("TNO158", (*at, name), f"ISTIO_MUTUAL TLS cannot have associated {words}", hint)


def _check_one_source(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    has_files = bool(tls.server_certificate and tls.private_key)
    sources = (has_files, bool(tls.credential_name), bool(tls.credential_names), bool(tls.tls_certificates))
    if sum(sources) > 1:
        names = "credential_name, credential_names, server_certificate/private_key, tls_certificates"
        findings.add("TNO158", at, f"only one of {names} should be specified")


def _check_certificates(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    """Files are needed unless a Secret is named, which then holds all of them."""
    if tls.credential_name or tls.credential_names:
        return
    mode = "SIMPLE TLS"
    if tls.mode != "SIMPLE":
        mode = "MUTUAL TLS"
        if not tls.ca_certificates:
            findings.add(
                "TNO158", at, "MUTUAL TLS requires a client CA bundle", "set `caCertificates` or `credentialName`"
            )
    if len(tls.tls_certificates) > 2:
        findings.add("TNO159", (*at, "tlsCertificates"), f"{mode} can support up to 2 server certificates")
    certificates = tls.tls_certificates or (TLSCertificate(tls.server_certificate, tls.private_key),)
    for number, certificate in enumerate(certificates):
        here = (*at, "tlsCertificates", number) if tls.tls_certificates else at
        for name, value in (
            ("server certificate", certificate.server_certificate),
            ("private key", certificate.private_key),
        ):
            if not value:
                hint = "name a Secret with `credentialName`, or files with `serverCertificate` and `privateKey`"
                findings.add("TNO158", here, f"{mode} requires a {name}", hint)


def _check_revocations(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    if tls.ca_crl and not (tls.credential_name or tls.credential_names) and tls.mode == "SIMPLE":
        findings.add("TNO158", (*at, "caCrl"), "CRL is not supported with SIMPLE TLS")


def _check_suites(tls: ServerTLSSettings, at: Path, findings: Findings) -> None:
    here: Path = (*at, "cipherSuites")
    if tls.min_protocol_version in ("TLSV1_0", "TLSV1_1") and not tls.cipher_suites:
        message = "below TLSV1_2 no cipher suite is left by default"
        findings.add("TNO159", (*at, "minProtocolVersion"), message, "set `cipherSuites`")
    seen: set[str] = set()
    for number, suite in enumerate(tls.cipher_suites):
        is_operation = suite[:1] in ("+", "-", "!", "@", "[")
        if suite and suite not in CIPHER_SUITES and not is_operation:
            findings.add("TNO159", (*here, number), f"ignoring invalid cipher suite: {shown(suite)}")
        elif suite in seen:
            findings.add("TNO159", (*here, number), f"ignoring duplicate cipher suite: {shown(suite)}")
        seen.add(suite)
