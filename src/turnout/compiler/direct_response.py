"""Answers that Envoy gives itself."""

from __future__ import annotations

import base64

from envoy.config.route.v3.route_components_pb2 import DirectResponseAction

from turnout.resources.virtual_service import HTTPDirectResponse

MAX_BODY_BYTES = 1024 * 1024


def direct_response(wanted: HTTPDirectResponse) -> DirectResponseAction:
    built = DirectResponseAction(status=wanted.status)
    if wanted.body and wanted.body.string is not None:
        built.body.inline_string = wanted.body.string
    elif wanted.body and wanted.body.bytes is not None:
        built.body.inline_bytes = _decoded(wanted.body.bytes)
    return built


def _decoded(text: str) -> bytes:
    """Base64 as protojson reads it: of either alphabet, padded or not."""
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    return base64.b64decode(plain + "=" * (-len(plain) % 4))
