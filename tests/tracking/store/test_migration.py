"""From the first schema to today's: nothing is lost, whoever writes meanwhile, and whatever ends the migration."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from dashboard.operations.schema import restore_copy, upgrade_schema
from dashboard.operations.settings import Settings
from tests.services import until
from tests.tracking.store.conftest import ROOT
from tests.tracking.store.first_schema import carry_back, first_schema, old_events, write_old
from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.errors import StoreUnavailable
from tracking.offering import Incoming
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.copies import backup
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import WrongSchema, differences, require_current, upgrade
from tracking.store.rebuild import rebuild
from tracking.store.verify import verify

_DIES_MIGRATING = """
import sys
from tracking.kill_points import arm
from tracking.store.migrate import upgrade
arm("migration_in_transaction")
upgrade(sys.argv[1])
"""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Bench]:
    """Give a store of today that took some thousand events, with gaps and refused messages. Tests only read it."""
    with Bench(f"sqlite:///{tmp_path_factory.mktemp('wanted') / 'store.db'}", registry) as bench:
        events = incoming(lab_life("rl4", "S", 70))
        del events[100:103]
        for batch in batches_of(events, 200):
            bench.door.take(batch)
        bench.take(*(Incoming(b"rubbish %d" % n, "test", events[-1].received_us + n) for n in range(7)))
        assert len(bench.rows(tables.event)) > 2_000
        yield bench


def test_everything_of_the_first_schema_is_carried_over(wanted: Bench, new_url: Callable[[], str]) -> None:
    url = new_url()
    with first_schema(url) as old, old.writing() as connection:
        carry_back(wanted, connection, old_events(wanted))
    with pytest.raises(WrongSchema, match=r"at schema 0001, this version works with .*: run histotwin db upgrade"):
        Bench.__new__(Bench)._begin(url, wanted.registry, open_database(url))
    with Bench(url, wanted.registry) as now:
        for table in (tables.event, tables.event_key, tables.source, tables.rejected, tables.watermark, tables.head):
            assert now.rows(table) == wanted.rows(table), table.name
        with now.database.reading() as connection:
            assert differences(connection) == []
        assert verify(url).is_sound
        rebuild(url, wanted.registry)
        assert now.projections() == wanted.projections()
        assert verify(url, wanted.registry).is_sound


def test_whoever_brings_an_older_database_or_copy_to_this_version_is_told_to_rebuild(
    wanted: Bench, new_url: Callable[[], str], tmp_path: Path
) -> None:
    url, copy = new_url(), tmp_path / "copy"
    settings = Settings(database_url=url, data_dir=tmp_path)
    with first_schema(url) as old, old.writing() as connection:
        carry_back(wanted, connection, old_events(wanted)[:300])
    backup(url, copy)
    assert "run histotwin db rebuild" in upgrade_schema(settings)
    assert upgrade_schema(settings) == "The schema is up to date."
    assert "run histotwin db rebuild" in restore_copy(settings, copy)
    rebuild(url, wanted.registry)
    assert verify(url, wanted.registry).is_sound
    backup(url, tmp_path / "newer")
    assert "rebuild" not in restore_copy(settings, tmp_path / "newer")


def test_who_writes_while_the_schema_changes_waits_and_nothing_acknowledged_is_lost(
    wanted: Bench, new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, events = new_url(), old_events(wanted)
    with first_schema(url) as old:
        with old.writing() as connection:
            carry_back(wanted, connection, events[:1_000])
        writer = OldWriter(old, events[1_000:])
        monkeypatch.setattr("tracking.kill_points.passing", writer.goes_on)
        writer.start()
        until(lambda: writer.acknowledged >= 3 and writer.is_inside.is_set())
        upgrade(url)  # waits for the transaction that the writer is in the middle of
        writer.join(30)
    assert writer.tried_meanwhile, "the writer has not met the migration"
    assert writer.is_refused, "the writer of the old schema was not told"
    with Bench(url, wanted.registry) as now:
        stored = sorted(row[0] for row in now.rows(tables.event))
        assert stored == list(range(1, 1_000 + writer.acknowledged * OldWriter.AT_ONCE + 1))
        rebuild(url, wanted.registry)
        sources = {row["id"]: row["path"] for row in wanted.named(tables.source)}
        for rows in batches_of(events[len(stored) :], 200):
            rest = [Incoming(row[8], "test", row[5], origin=sources[row[1]]) for row in rows]
            assert {receipt.fate for receipt in now.door.take(rest)} == {"accepted"}
        assert now.projections()["item"] == wanted.projections()["item"]
        assert [row[:3] for row in now.rows(tables.event_key)] == [row[:3] for row in wanted.rows(tables.event_key)]
        assert verify(url, wanted.registry).is_sound


class OldWriter(threading.Thread):
    """A part of the first version: appends batch after batch, trying again when the database cannot work now."""

    AT_ONCE = 5

    def __init__(self, database: Database, events: list[tuple[object, ...]]) -> None:
        super().__init__(daemon=True)
        self._database, self._batches = database, list(batches_of(events, self.AT_ONCE))
        self._may_go_on = threading.Event()
        self.is_inside, self._has_tried = threading.Event(), threading.Event()
        self.acknowledged = 0
        self.tried_meanwhile = self.is_refused = False

    def goes_on(self, _point: str) -> None:
        """Be told that the migration has done everything and not committed: whoever tries now must wait."""
        self._may_go_on.set()
        self._has_tried.wait(10)

    def run(self) -> None:
        for number, batch in enumerate(self._batches):
            if number == 3:
                self._write_slowly(batch)
                self._may_go_on.wait(30)
                self.tried_meanwhile = True
                threading.Timer(0.2, self._has_tried.set).start()
            elif not self._write(batch):
                return

    def _write_slowly(self, batch: list[tuple[object, ...]]) -> None:
        with self._database.writing() as connection:
            write_old(connection, batch)
            self.is_inside.set()
            threading.Event().wait(0.5)
        self.acknowledged += 1

    def _write(self, batch: list[tuple[object, ...]]) -> bool:
        while True:
            try:
                with self._database.writing() as connection:
                    write_old(connection, batch)
            except StoreUnavailable:
                continue
            except DBAPIError:  # the schema is another: it ends, and its sender keeps what was not acknowledged
                self.is_refused = True
                return False
            self.acknowledged += 1
            return True


def test_an_ingest_of_today_keeps_what_it_cannot_write_during_a_long_migration(
    new_url: Callable[[], str], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BUSY_TIMEOUT_MS", "LOCK_TIMEOUT_MS"):
        monkeypatch.setattr(f"tracking.store.database.{name}", 100)
    with Bench(new_url(), registry) as bench:
        events = incoming(lab_life("rl4", "S", 2))
        bench.take(*events[:10])
        with bench.beside().database.writing():  # holds the writer's lock as a migration does
            for _try in range(3):
                with pytest.raises(StoreUnavailable):
                    bench.take(*events[10:])
        assert {receipt.fate for receipt in bench.take(*events[10:])} == {"accepted"}
        assert verify(bench.url, registry).is_sound


def test_a_migration_killed_before_its_end_leaves_the_old_schema_whole(
    wanted: Bench, new_url: Callable[[], str]
) -> None:
    url, events = new_url(), old_events(wanted)
    with first_schema(url) as old:
        with old.writing() as connection:
            carry_back(wanted, connection, events)
        old.engine.dispose()
        assert subprocess.run([sys.executable, "-c", _DIES_MIGRATING, url], cwd=ROOT, check=False).returncode == -9
        with pytest.raises(WrongSchema):
            require_current(old)
        with old.writing() as connection:  # waits for the end of a session whose client is gone
            found = [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM event ORDER BY position")]
            assert found == events
    with Bench(url, wanted.registry) as now:
        assert now.rows(tables.event) == wanted.rows(tables.event)
        EventStore(now.database, wanted.registry)
        assert verify(url).is_sound
