"""The parts' own role in PostgreSQL adds to the log and reads it; it can change or take away nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import ProgrammingError

from tests.tracking.store.archives import ArchivingBench, YearsLater, take_all, three_months
from tests.tracking.store.histories import incoming, lab_life
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archives.drop import drop_months
from tracking.store.archives.file import ArchiveFailed
from tracking.store.archives.write import archive_months
from tracking.store.copies import backup, restore
from tracking.store.database import open_database
from tracking.store.migrate import upgrade
from tracking.store.partitions import make_room_sql
from tracking.store.privileges import grant_application_role
from tracking.store.verify import verify

ROLE = "histotwin parts"


@dataclass
class Two:
    """A database as its owner and as the parts see it."""

    owner: str
    parts: ArchivingBench


@pytest.fixture
def two(postgres_url: Callable[[], str], registry: Registry, tmp_path: Path) -> Iterator[Two]:
    owner = postgres_url()
    upgrade(owner)
    grant_application_role(owner, ROLE, "a % and a 'quote'")
    url = make_url(owner).set(username=ROLE, password="a % and a 'quote'")
    with _NoUpgrade(url.render_as_string(hide_password=False), registry, tmp_path / "archive") as bench:
        yield Two(owner, bench)


class _NoUpgrade(ArchivingBench):
    """The parts do not bring the schema up to date: they find it so."""

    def __init__(self, url: str, registry: Registry, folder: Path) -> None:
        self.folder = folder
        self._begin(url, registry, open_database(url))


FORBIDDEN = (
    "UPDATE event SET time_us = 0",
    "DELETE FROM event",
    "TRUNCATE event",
    "DELETE FROM event_p00000",
    "UPDATE event_p00000 SET time_us = 0",
    "DROP TABLE event_p00000",
    "ALTER TABLE event DETACH PARTITION event_p00000",
    "UPDATE event_key SET position = 0",
    "DELETE FROM event_key",
    "UPDATE source SET path = ''",
    "DELETE FROM source",
    "DELETE FROM rejected",
    "UPDATE rejected SET body = ''",
    "UPDATE rejected SET reason = ''",
    "UPDATE archive SET dropped_us = 1",
    "INSERT INTO archive SELECT 1, 2, '', '', 0, '', '', '', 0, 1",
    "DELETE FROM archive",
    "INSERT INTO store_identity VALUES ('another', 1)",
    "DELETE FROM store_identity",
    "UPDATE alembic_version SET version_num = '1'",
    "CREATE TABLE mine (a int)",
    "DROP TABLE head",
)


def test_the_parts_cannot_change_what_was_stored(two: Two) -> None:
    two.parts.take(*incoming(lab_life("rl4", "S", 1)))
    before = two.parts.rows(tables.event)
    for sql in FORBIDDEN:
        refused = pytest.raises(ProgrammingError, match=r"permission denied|must be owner")
        with refused, two.parts.database.writing() as parts:
            parts.exec_driver_sql(sql)
    assert two.parts.rows(tables.event) == before


def test_the_parts_fill_one_partition_after_another(two: Two) -> None:
    owner = open_database(two.owner)
    with owner.writing() as connection:
        connection.exec_driver_sql("DROP TABLE event_p00000")
        connection.exec_driver_sql(make_room_sql("public", 40).replace("%", "%%"))
    owner.close()
    two.parts.restart()
    for event in (events := incoming(lab_life("rl4", "S", 3))):
        assert two.parts.take(event)[0].fate == "accepted"
    with two.parts.database.reading() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'event'::regclass")
        assert count.scalar_one() >= len(events) // 40
    assert verify(two.parts.url, two.parts.registry).is_sound


def test_the_parts_put_nothing_where_the_owner_s_functions_look(postgres_url: Callable[[], str]) -> None:
    """Before version 15, PostgreSQL let everybody make functions in the schema ``public``."""
    owner = postgres_url()
    upgrade(owner)
    database = open_database(owner)
    with database.writing() as connection:
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    grant_application_role(owner, ROLE)
    with database.writing() as connection:
        may = f"has_schema_privilege('{ROLE}', 'public', 'CREATE')"
        assert connection.exec_driver_sql(f"SELECT {may}").scalar_one() is False
        called = "SELECT has_function_privilege('public', 'histotwin_make_room(bigint)', 'EXECUTE')"
        assert connection.exec_driver_sql(called).scalar_one() is False
    database.close()


def test_only_the_owner_archives_and_drops_a_month(two: Two) -> None:
    take_all(two.parts, three_months())
    with pytest.raises(ArchiveFailed, match="Only the owner of the schema"):
        two.parts.archive()
    archive_months(two.owner, two.parts.folder, YearsLater())
    with pytest.raises(ArchiveFailed, match="Only the owner of the schema"):
        two.parts.drop()
    assert len(drop_months(two.owner, two.parts.folder, YearsLater())) == 3
    assert verify(two.parts.url, two.parts.registry, archives=two.parts.folder).is_sound


def test_after_a_restore_the_parts_have_their_rights_and_no_more(two: Two, tmp_path: Path) -> None:
    events = incoming(lab_life("rl4", "S", 2))
    two.parts.take(*events[:20])
    assert backup(two.owner, tmp_path / "copy") == 20
    two.parts.take(*events[20:])
    two.parts.database.engine.dispose()
    restore(tmp_path / "copy", two.owner)
    two.parts.restart()
    assert [receipt.fate for receipt in two.parts.take(*events)][18:22] == ["duplicate"] * 2 + ["accepted"] * 2
    with pytest.raises(ProgrammingError, match="permission denied"), two.parts.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM event")
