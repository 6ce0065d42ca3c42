"""Which of a Gateway's cipher suites reach Envoy: it refuses a whole listener for one that it does not know."""

from __future__ import annotations

import pytest

from turnout.resources.cipher_suite import accepted

A, B = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((A, B, A), [A, B]),
        ((A, "TLS_AES_128_GCM_SHA256", "", "nonsense"), [A]),
        ((f"[{A}|{B}]",), [f"[{A}|{B}]"]),
        ((f"[{A}|nonsense]", B), [B]),
        (("ALL", f"!{A}", f"+{B}", "@STRENGTH"), ["ALL", f"!{A}", f"+{B}", "@STRENGTH"]),
        ((A, "-nonsense"), [A]),
        (("-ALL",), []),
        ((A, f"-{A}"), []),
        (("@STRENGTH",), []),
        ((f"!{A}", A), []),
        ((f"-{A}", A), [f"-{A}", A]),
        (("@STRENGTH", f"[{A}|{B}]", f"!{A}", f"+{B}"), [f"[{A}|{B}]"]),
        ((f"[{A}|{B}", B), [B]),
        ((), []),
    ],
)
def test_what_envoy_knows_is_kept_unless_nothing_would_be_left(given: tuple[str, ...], kept: list[str]) -> None:
    assert accepted(given) == kept
