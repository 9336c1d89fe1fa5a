"""The log in PostgreSQL grows from partition to partition, whoever writes and whoever reads meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.errors import StoreUnavailable
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.database import open_database
from tracking.store.partitions import make_room_sql
from tracking.store.verify import verify

SMALL = 40
_PARTITIONS = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'event'::regclass"


@pytest.fixture
def small(postgres_url: Callable[[], str], registry: Registry) -> Iterator[Bench]:
    """Give a store whose log is cut after every forty events, in a database that is as new."""
    with Bench(postgres_url(), registry) as opened:
        with opened.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS event_p00000")
            connection.exec_driver_sql(make_room_sql("public", SMALL).replace("%", "%%"))
        opened.restart()
        yield opened


def partitions(bench: Bench) -> int:
    with bench.database.reading() as connection:
        return int(connection.exec_driver_sql(_PARTITIONS).scalar_one())


def test_the_log_crosses_partitions_and_knows_its_duplicates_in_all_of_them(small: Bench) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    for batch in batches_of(events, 15):
        small.door.take(batch)
    assert partitions(small) >= len(events) // SMALL
    assert {receipt.fate for receipt in small.take(*events)} == {"duplicate"}
    assert verify(small.url, small.registry).is_sound


def test_a_batch_larger_than_a_partition_finds_room(small: Bench) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    assert len(events) > 2 * SMALL
    assert {receipt.fate for receipt in small.take(*events)} == {"accepted"}


def test_a_partition_is_made_while_somebody_reads_the_log_at_length(small: Bench) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    small.take(*events[:5])
    before = partitions(small)
    with small.database.reading() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM event").scalar_one() == 5
        for batch in batches_of(events[5:], 15):
            assert {receipt.fate for receipt in small.door.take(batch)} == {"accepted"}
        assert reader.exec_driver_sql("SELECT count(*) FROM event").scalar_one() == 5
    assert partitions(small) > before


def test_a_partition_that_is_not_needed_yet_is_not_waited_for(small: Bench) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    small.take(*events[:5])
    before = partitions(small)
    with small.database.engine.begin() as busy:
        busy.exec_driver_sql("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM and ANALYZE do
        for batch in batches_of(events[5 : SMALL - 1], 5):
            assert {receipt.fate for receipt in small.door.take(batch)} == {"accepted"}
        assert partitions(small) == before
    small.take(*events[SMALL - 1 :])
    assert len(small.rows(tables.event)) == len(events)


def test_without_room_nothing_is_refused_for_good(small: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    small.take(*events[:5])
    monkeypatch.setattr("tracking.store.database.LOCK_TIMEOUT_MS", 200)
    hurried = object.__new__(Bench)
    hurried._begin(small.url, small.registry, open_database(small.url))
    with hurried, small.database.engine.begin() as busy:
        busy.exec_driver_sql("LOCK TABLE event IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="locked and full"):
            hurried.take(*events[5:])
        assert small.rows(tables.rejected) == []
        busy.rollback()
        assert {receipt.fate for receipt in hurried.take(*events[5:])} == {"accepted"}


def test_a_batch_that_was_rolled_back_takes_its_new_partition_with_it_and_the_next_makes_it_again(
    small: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = incoming(lab_life("rl4", "S", 4))
    small.take(*events[:5])
    with monkeypatch.context() as broken:
        broken.setattr("tracking.store.event_store.write_rejected", _fails)
        with pytest.raises(OSError, match="the power"):
            small.take(*events[5:90])
    assert {receipt.fate for receipt in small.take(*events[5:])} == {"accepted"}
    assert verify(small.url, small.registry).is_sound


def test_nobody_gets_more_room_than_the_log_can_need(small: Bench) -> None:
    small.take(*incoming(lab_life("rl4", "S", 1)))
    before = partitions(small)
    with pytest.raises(DBAPIError, match="nobody needs room"), small.database.writing() as connection:
        connection.exec_driver_sql("SELECT histotwin_make_room(9000000000000000000)")
    assert partitions(small) == before


def _fails(*_arguments: object) -> int:
    raise OSError("the power")


@pytest.mark.parametrize("sql", [
    "SELECT body FROM event WHERE position > 85 ORDER BY position LIMIT 10",
    "SELECT body FROM event WHERE position = 85",
    "SELECT body FROM item_event JOIN event ON event.position = item_event.position WHERE item_id = {item}",
])  # fmt: skip
def test_what_is_asked_all_day_reads_only_the_partitions_it_needs(small: Bench, sql: str) -> None:
    small.take(*incoming(lab_life("rl4", "S", 4)))
    assert partitions(small) >= 4
    with small.database.reading() as connection:
        for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):  # a large log has none of these here
            connection.exec_driver_sql(f"SET LOCAL {setting} = off")
        last = connection.exec_driver_sql("SELECT max(item_id) FROM item_event").scalar_one()
        plan = connection.exec_driver_sql("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + sql.format(item=last)).scalars()
        read = [line for line in plan if "event_p0" in line and "never executed" not in line and "on event_p0" in line]
    assert not any("event_p00000" in line for line in read), read
    assert read
