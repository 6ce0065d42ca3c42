"""Messages of Envoy's access logs, also of requests with headers that are no text.

Envoy passes such a header on as it is, and its whole message, with all others' requests, is then refused. So where one
is refused, it is read again, without a look at texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from envoy.data.accesslog.v3.accesslog_pb2 import HTTPAccessLogEntry
from envoy.service.accesslog.v3.als_pb2 import StreamAccessLogsMessage
from google.protobuf.message import DecodeError

from turnout.compiler import user_log
from turnout.delivery.users import Meeting
from turnout.xds.schema import messages

_DESCRIBED = messages(
    {
        "Message": {"identifier": (1, "Identifier"), "http_logs": (2, "Entries")},
        "Identifier": {"log_name": (2, "bytes")},
        "Entries": {"log_entry": (1, "bytes[]")},
        "Entry": {"common_properties": (1, "Common")},
        "Common": {"start_time": (5, "Time"), "custom_tags": (22, "Tag[]")},
        "Time": {"seconds": (1, "int64"), "nanos": (2, "int64")},
        "Tag": {"key": (1, "bytes"), "value": (2, "bytes")},
    }
)
"""`envoy.service.accesslog.v3.StreamAccessLogsMessage`, and of its entries what is needed to tell users apart."""
_MESSAGE, _ENTRY = _DESCRIBED["Message"], _DESCRIBED["Entry"]


def log_name(message: bytes) -> str:
    """Which log a stream is of; its first message says it."""
    name: bytes = _MESSAGE.FromString(message).identifier.log_name
    return name.decode(errors="replace")


def entries(message: bytes) -> list[HTTPAccessLogEntry]:
    """But for those that some header has made unreadable."""
    try:
        return [*StreamAccessLogsMessage.FromString(message).http_logs.log_entry]
    except DecodeError:
        return [*_readable(_MESSAGE.FromString(message).http_logs.log_entry)]


def _readable(encoded: Iterable[bytes]) -> Iterator[HTTPAccessLogEntry]:
    for entry in encoded:
        with suppress(DecodeError):
            yield HTTPAccessLogEntry.FromString(entry)


def meetings(message: bytes) -> list[Meeting]:
    """Who was sent where, and when."""
    try:
        return [_meeting(entry) for entry in StreamAccessLogsMessage.FromString(message).http_logs.log_entry]
    except DecodeError:
        return [_any_meeting(entry) for entry in _MESSAGE.FromString(message).http_logs.log_entry]


def _meeting(entry: HTTPAccessLogEntry) -> Meeting:
    common = entry.common_properties
    tags, began = common.custom_tags, common.start_time
    user = tags[user_log.USER]
    at = began.seconds + began.nanos / 1e9
    return Meeting(b"" if user == user_log.NOBODY else user.encode(), tags[user_log.CLUSTER], at)


def _any_meeting(entry: bytes) -> Meeting:
    common = _ENTRY.FromString(entry).common_properties
    tags = {tag.key.decode(errors="replace"): tag.value for tag in common.custom_tags}
    user, began = tags.get(user_log.USER, b""), common.start_time
    where = tags.get(user_log.CLUSTER, b"").decode(errors="replace")
    return Meeting(b"" if user == user_log.NOBODY.encode() else user, where, began.seconds + began.nanos / 1e9)
