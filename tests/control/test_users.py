"""Users of sticky splits as Envoy tells of them, asked for by a rollout, and remembered on the disk."""

from __future__ import annotations

from pathlib import Path

from turnout.control.users import UNASKED_SECONDS, UserCounts
from turnout.delivery.steering import Versions
from turnout.delivery.users import Meeting, Users
from turnout.xds.access import AccessLogService

APP = Versions("app.default.svc.cluster.local", "v1", "v2")
OTHER = Versions("other.default.svc.cluster.local", "v1", "v2")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def cluster(subset: str, versions: Versions = APP) -> str:
    return f"outbound|80|{subset}|{versions.host}"


def made(folder: Path, time: Time | None = None) -> tuple[UserCounts, AccessLogService]:
    service = AccessLogService()
    return UserCounts(folder / "users.db", service, time or Time()), service


def tell(service: AccessLogService, *meetings: tuple[bytes, str, float]) -> None:
    for take in tuple(service.counters):
        take([Meeting(*meeting) for meeting in meetings])


def test_nothing_is_read_before_somebody_asks_and_nothing_written_before_there_is_something(tmp_path: Path) -> None:
    counts, service = made(tmp_path)
    counts.tidy(none_left=True)
    assert not service.counters
    assert not (tmp_path / "users.db").exists()


def test_each_request_counts_for_the_rollout_of_its_service(tmp_path: Path) -> None:
    counts, service = made(tmp_path)
    assert counts.count("a", APP) == Users()
    assert counts.count("b", OTHER) == Users()
    tell(
        service,
        (b"ann", cluster("v1"), 10.0),
        (b"bob", cluster("v2"), 10.0),
        (b"bob", cluster("v2", OTHER), 10.0),
        (b"ann", cluster("v3"), 10.0),
        (b"ann", "-", 10.0),
    )
    counts.untold(3)
    assert counts.count("a", APP) == Users(seen=2, stable=1, candidate=1, untold=3)
    assert counts.count("b", OTHER) == Users(seen=1, candidate=1, untold=3)
    counts.close()


def test_who_comes_after_the_end_does_not_count(tmp_path: Path) -> None:
    counts, service = made(tmp_path)
    counts.count("a", APP)
    tell(service, (b"ann", cluster("v2"), 10.0))
    counts.count("a", APP, until=15.0)
    tell(service, (b"ann", cluster("v1"), 20.0), (b"bob", cluster("v2"), 14.0))
    assert counts.count("a", APP, until=15.0) == Users(seen=2, candidate=2)
    counts.close()


def test_another_process_goes_on_with_whoever_was_counted_at_the_last_look(tmp_path: Path) -> None:
    counts, service = made(tmp_path)
    counts.count("a", APP)
    tell(service, (b"ann", cluster("v1"), 10.0), (b"bob", cluster("v2"), 10.0), (b"", cluster("v2"), 10.0))
    seen = counts.count("a", APP)
    tell(service, (b"cid", cluster("v2"), 10.0))  # between two looks

    counts, service = made(tmp_path)
    assert counts.count("a", APP) == seen
    tell(service, (b"ann", cluster("v2"), 12.0), (b"bob", cluster("v1"), 12.0))
    assert counts.count("a", APP) == Users(seen=2, stable=2, candidate=2, both=2, back=1, without_key=1)
    counts.close()


def test_what_nobody_asks_for_any_more_is_forgotten_and_on_the_disk_too(tmp_path: Path) -> None:
    time = Time()
    counts, service = made(tmp_path, time)
    counts.count("a", APP)
    tell(service, (b"ann", cluster("v1"), 10.0))
    counts.count("a", APP)
    time.now += UNASKED_SECONDS
    counts.count("b", OTHER)
    time.now += 1.0
    counts.tidy(none_left=False)
    assert counts.count("a", APP) == Users()
    counts.tidy(none_left=True)
    assert not counts.counting
    assert not service.counters
    counts.close()


def test_without_a_disk_it_counts_as_long_as_it_lives(tmp_path: Path) -> None:
    (tmp_path / "users.db").mkdir()
    counts, service = made(tmp_path)
    counts.count("a", APP)
    tell(service, (b"ann", cluster("v1"), 10.0))
    assert counts.count("a", APP) == Users(seen=1, stable=1)
    counts.close()
