"""Checks the archives against the log and against their files: contiguous, linked, whole. Reads no event of them."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import Connection

from tracking.store.archives.read import ArchiveMissing, ArchiveRow, Archives
from tracking.store.chain import FIRST_LINK
from tracking.store.checks.faults import Faults
from tracking.store.statements import mark_of


def check_archives(connection: Connection, known: list[ArchiveRow], archives: Archives | None, faults: Faults) -> None:
    """Note what is wrong with the rows of table ``archive`` and, where their folder is named, with the files."""
    _check_sequence(known, faults)
    _check_table(connection, known, faults)
    if archives is not None and archives.folder is not None:
        for archive in known:
            _check_file(archive, archives, faults)


def _check_sequence(known: list[ArchiveRow], faults: Faults) -> None:
    if known and (known[0].first, known[0].link_before) != (1, FIRST_LINK):
        faults.add("archive", f"The first of the archives, {known[0].file}, does not begin with the first event.")
    for before, archive in pairwise(known):
        if (archive.first, archive.link_before) != (before.last + 1, before.link_last):
            faults.add("archive", f"The archive {archive.file} does not go on where {before.file} ends.")
        if archive.dropped_us is not None and before.dropped_us is None:
            faults.add("archive", f"{archive.file} is noted as dropped, and {before.file} before it is not.")


def _check_table(connection: Connection, known: list[ArchiveRow], faults: Faults) -> None:
    """What was dropped must be out of the table; what was not must be in it as it is in the archive."""
    mark = mark_of(connection)
    sql = f"SELECT link FROM event WHERE position = {mark}"  # noqa: S608
    first = connection.exec_driver_sql("SELECT min(position) FROM event").scalar()
    for archive in known:
        if archive.dropped_us is None:
            link = connection.exec_driver_sql(sql, (archive.last,)).scalar()
            if link is None or bytes(link) != archive.link_last:
                faults.add("archive", f"The archive {archive.file} does not end as the log does at {archive.last}.")
        elif first is not None and first <= archive.last:
            faults.add("archive", f"{archive.file} is noted as dropped, and events of it are in the log.")


def _check_file(archive: ArchiveRow, archives: Archives, faults: Faults) -> None:
    from tracking.store.archives.file import ArchiveFailed, read_manifest  # noqa: PLC0415  # few ever need Parquet

    try:
        said = read_manifest(archives.trusted(archive))
    except (ArchiveMissing, ArchiveFailed) as error:
        faults.add("archive", f"{str(error).rstrip('.')}.")
        return
    noted = (
        archive.first, archive.last, archive.month, archive.file, archive.size, archive.sha256.hex(),
        archive.link_before.hex(), archive.link_last.hex(), archive.written_us,
    )  # fmt: skip
    if noted != (said.first, said.last, said.month, said.file, said.size, said.sha256, said.link_before,
                 said.link_last, said.written_us):  # fmt: skip
        faults.add("archive", f"The manifest {said.name} says other than the database does.")
