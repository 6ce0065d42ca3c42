"""Bodies in Kubernetes' protobuf: what Go's typed clients send."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.apiserver.protobuf import MAGIC, Malformed, decode


def varint(value: int) -> bytes:
    more, last = value >> 7, value & 0x7F
    return bytes([last | 0x80]) + varint(more) if more else bytes([last])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value % (1 << 64))


def part(field: int, *content: bytes | str) -> bytes:
    data = b"".join(item.encode() if isinstance(item, str) else item for item in content)
    return varint(field << 3 | 2) + varint(len(data)) + data


def body(kind: str, *content: bytes, api_version: str = "v1") -> bytes:
    return MAGIC + part(1, part(1, api_version), part(2, kind)) + part(2, *content) + part(3) + part(4)


def test_a_secret_is_read_as_json_would_carry_it() -> None:
    metadata = part(1, part(1, "sh.helm.release.v1.app.v1"), part(3, "default"), part(8),
                    part(11, part(1, "owner"), part(2, "helm")), number(7, 3))  # fmt: skip
    secret = body("Secret", metadata, part(2, part(1, "release"), part(2, b"\x00\xff")), part(3, "helm.sh/release.v1"))
    assert decode(secret) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "sh.helm.release.v1.app.v1",
            "namespace": "default",
            "labels": {"owner": "helm"},
            "generation": 3,
        },
        "data": {"release": "AP8="},
        "type": "helm.sh/release.v1",
    }


def test_a_lease_keeps_its_microseconds() -> None:
    spec = part(2, part(1, "me"), number(2, 15), part(4, number(1, 1_700_000_000), number(2, 123_456_000)))
    assert decode(body("Lease", spec, api_version="coordination.k8s.io/v1"))["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "renewTime": "2023-11-14T22:13:20.123456Z",
    }


def test_numbers_may_be_negative_and_unknown_fields_empty() -> None:
    options = body("DeleteOptions", number(1, -1), part(4, "Foreground"), number(90, 0), part(91))
    assert decode(options) == {
        "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": -1, "propagationPolicy": "Foreground"
    }  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        MAGIC,
        body("CronJob"),
        body("Secret", number(90, 1)),
        body("Secret", varint(91 << 3 | 5) + b"1234"),
        body("Secret", b"\x0a\x7f"),
        body("Secret", b"\x0f"),
        body("Secret", number(1, 5)),
        body("Secret", part(3, b"\xff")),
        body("DeleteOptions", part(1, "x")),
        body("Secret", b"\xff" * 12),
    ],
)
def test_what_is_no_such_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


def test_a_deployment_says_what_kubectl_create_says() -> None:
    container = part(2, part(1, "web"), part(2, "web:1"), part(6, part(1), number(3, 80)), part(8), part(14))
    template = part(3, part(1, part(8), part(11, part(1, "app"), part(2, "web"))), part(2, container, part(14)))
    spec = part(2, number(1, 0), part(2, part(1, part(1, "app"), part(2, "web"))), template, part(4, part(1)))
    assert decode(body("Deployment", part(1, part(1, "web")), spec, part(3, number(1, 7)), api_version="apps/v1")) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]},
            },
        },
    }


def test_a_port_is_a_number_or_a_name() -> None:
    ports = part(1, number(3, 80), part(4, number(1, 0), number(2, 8080))), part(1, part(4, number(1, 1), part(3, "x")))
    assert decode(body("Service", part(2, *ports)))["spec"] == {
        "ports": [{"port": 80, "targetPort": 8080}, {"targetPort": "x"}]
    }


@given(st.sampled_from(["Secret", "Lease", "Deployment", "SelfSubjectAccessReview"]), st.binary(max_size=60))
def test_no_bytes_do_anything_else(kind: str, data: bytes) -> None:
    with suppress(Malformed):
        assert decode(body(kind, data))["kind"] == kind
