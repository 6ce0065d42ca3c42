"""Envoy's access log messages, whatever clients put into their headers."""

from __future__ import annotations

from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage

from turnout.compiler import user_log
from turnout.delivery.users import Meeting
from turnout.xds.log_message import entries, log_name, meetings

PLACEHOLDER = "no-text-at-all"
NO_TEXT = b"\xff\xfe-text-at-all"
"""As long as the placeholder: in a message, lengths stand before texts."""


def message(*users: str) -> bytes:
    built = StreamAccessLogsMessage(identifier=StreamAccessLogsMessage.Identifier(log_name=user_log.LOG))
    for user in users:
        common = built.http_logs.log_entry.add().common_properties
        common.custom_tags[user_log.USER] = user
        common.custom_tags[user_log.CLUSTER] = "outbound|80|v1|a"
        common.start_time.seconds, common.start_time.nanos = 10, 500_000_000
    return built.SerializeToString().replace(PLACEHOLDER.encode(), NO_TEXT)


def test_a_user_is_told_with_where_it_was_sent_and_when() -> None:
    assert meetings(message("ann", user_log.NOBODY)) == [
        Meeting(b"ann", "outbound|80|v1|a", 10.5),
        Meeting(b"", "outbound|80|v1|a", 10.5),
    ]


def test_a_header_that_is_no_text_takes_nobody_elses_request_away() -> None:
    broken = message("ann", PLACEHOLDER, user_log.NOBODY)
    assert len(NO_TEXT) == len(PLACEHOLDER)
    assert log_name(broken) == user_log.LOG
    assert [meeting.user for meeting in meetings(broken)] == [b"ann", NO_TEXT, b""]
    assert {meeting[1:] for meeting in meetings(broken)} == {("outbound|80|v1|a", 10.5)}
    assert [entry.common_properties.custom_tags[user_log.USER] for entry in entries(broken)] == ["ann", user_log.NOBODY]
