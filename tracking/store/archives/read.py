"""Reads what of the log is in archives only, because its month was dropped from the table. Writes nothing.

A file is trusted when its SHA-256 is the one that the database noted; it is hashed once for as long as it is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tracking.errors import HistotwinError


class ArchiveMissing(HistotwinError):
    """An event is needed that is in an archive, and the archive is not at hand or not what was written."""


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """A row of table ``archive``; ``dropped_us`` is ``None`` while the month is in the table too."""

    first: int
    last: int
    month: str
    file: str
    size: int
    sha256: bytes
    link_before: bytes
    link_last: bytes
    written_us: int
    dropped_us: int | None

    def __str__(self) -> str:
        return f"the archive {self.file} (events {self.first} to {self.last})"


@dataclass(frozen=True, slots=True)
class OldEvent:
    """An event as its archive has it."""

    position: int
    event_id: str
    time_us: int
    received_us: int
    boot: str | None
    sequence: int | None
    body: bytes


def archive_rows(connection: Connection) -> list[ArchiveRow]:
    """Return every archive, in the order of positions."""
    rows = connection.exec_driver_sql(
        "SELECT first, last, month, file, bytes, sha256, link_before, link_last, written_us, dropped_us "
        "FROM archive ORDER BY first"
    )
    return [
        ArchiveRow(first, last, month, file, size, bytes(sha256), bytes(before), bytes(link), written_us, dropped_us)
        for first, last, month, file, size, sha256, before, link, written_us, dropped_us in rows
    ]


class Archives:
    """The folder with the archives; without one, what is archived cannot be read."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._trusted: dict[Path, tuple[int, int, bytes]] = {}

    def events(self, connection: Connection, positions: Iterable[int]) -> list[OldEvent]:
        """Return the events at positions that the table does not have; raises ``ArchiveMissing`` for any it cannot."""
        wanted = sorted(positions)
        found: list[OldEvent] = []
        for archive in _dropped(connection):
            here = [position for position in wanted if archive.first <= position <= archive.last]
            if here:
                found += self._find(archive, position=here)
        if len(found) != len(wanted):
            missing = next(iter(set(wanted) - {event.position for event in found}))
            raise ArchiveMissing(f"Event {missing} is neither in the log nor in an archive")
        return found

    def said_at(self, connection: Connection, source_id: int, at_us: int, kinds: Iterable[str]) -> list[OldEvent]:
        """Return the archived events of some kinds that a source said at one moment. Raises ``ArchiveMissing``."""
        kinds = list(kinds)
        return [
            event
            for archive in _dropped(connection)
            for event in self._find(archive, source_id=[source_id], at_us=[at_us], type=kinds)
        ]

    def rows(self, connection: Connection) -> Iterator[list[tuple[Any, ...]]]:
        """Yield all that is in archives only, in order, as ``file.COLUMNS``. Raises ``ArchiveMissing``."""
        from tracking.store.archives.file import ArchiveFailed, read_rows  # noqa: PLC0415  # few ever need Parquet

        for archive in _dropped(connection):
            try:
                yield from read_rows(self.trusted(archive))
            except ArchiveFailed as error:
                raise ArchiveMissing(str(error)) from error

    def trusted(self, archive: ArchiveRow) -> Path:
        """Return an archive's file, which is the one that was written; raises ``ArchiveMissing``."""
        if self.folder is None:
            raise ArchiveMissing(f"No folder of archives is named, and {archive} is needed")
        file = self.folder / archive.file
        try:
            now = file.stat()
        except OSError:
            raise ArchiveMissing(f"Put {archive} back into {self.folder}") from None
        stamp = (now.st_size, now.st_mtime_ns)
        known = self._trusted.get(file)
        if known is None or known[:2] != stamp:
            known = self._trusted[file] = (*stamp, _hashed(file))
        if known[2] != archive.sha256:
            raise ArchiveMissing(f"In {self.folder} is another file than {archive}: its SHA-256 differs")
        return file

    def _find(self, archive: ArchiveRow, **equal_to: Sequence[Any]) -> list[OldEvent]:
        from tracking.store.archives.file import ArchiveFailed, find_rows  # noqa: PLC0415  # few ever need Parquet

        try:
            rows = find_rows(self.trusted(archive), **equal_to)
        except ArchiveFailed as error:
            raise ArchiveMissing(str(error)) from error
        return [_old_event(row) for row in rows]


def _hashed(file: Path) -> bytes:
    from tracking.store.archives.file import ArchiveFailed, sha256_of  # noqa: PLC0415  # few ever need Parquet

    try:
        return sha256_of(file)
    except ArchiveFailed as error:
        raise ArchiveMissing(str(error)) from error


def _old_event(row: tuple[Any, ...]) -> OldEvent:
    position, _source_id, _path, event_id, _type, time_us, _at, received_us, boot, sequence, _digest, body, _link = row
    return OldEvent(position, event_id, time_us, received_us, boot, sequence, body)


def _dropped(connection: Connection) -> list[ArchiveRow]:
    return [archive for archive in archive_rows(connection) if archive.dropped_us is not None]
