"""Variables in header values, as Envoy takes and refuses them."""

from __future__ import annotations

import pytest

from turnout.resources.header_variable import variable_fault


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "100%%",
        "%%PROTOCOL%%",
        "%PROTOCOL%",
        "%PROTOCOL()%",
        "%REQ(x-user)%",
        "%REQ(X?Y):10%",
        "%REQ(:path)% and %RESP(y)%",
        "%START_TIME(%s)%",
        "%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%",
        "%START_TIME%",
        '%UPSTREAM_METADATA(["a", "b"])%',
        "%PATH(WQ:ORIG)%",
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    ],
)
def test_what_envoy_takes_is_taken(value: str) -> None:
    assert variable_fault(value) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("%NO_SUCH%", "Envoy knows no variable"),
        ("%protocol%", "did you mean PROTOCOL?"),
        ("%PROTOCOL %", "did you mean PROTOCOL?"),
        ("%DOWNSTREAM_REMOTE_ADRESS%", "did you mean DOWNSTREAM_REMOTE_ADDRESS?"),
        ("%PROTOCOL% %REQ%", "REQ needs an argument"),
        ("%REQ()%", "REQ needs an argument"),
        ("%RESPONSE_CODE(a)%", "RESPONSE_CODE takes no argument"),
        ("100%% %FOO%", "Envoy knows no variable"),
    ],
)
def test_what_envoy_refuses_is_refused_by_name(value: str, fault: str) -> None:
    assert fault in (variable_fault(value) or "")
