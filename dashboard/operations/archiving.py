"""What the archiving commands do and print. The rules of archives are the store's."""

from __future__ import annotations

from pathlib import Path

from dashboard.operations.settings import Settings
from tracking.store.archives.drop import drop_months, unarchive
from tracking.store.archives.read import ArchiveRow
from tracking.store.archives.write import archive_months


def archive_log(settings: Settings, folder: Path | None, *, before: str | None, drop: bool, keep_months: int) -> str:
    """Archive the months that are over, then take out of the database what may go; return what was done."""
    target, clock = folder or settings.archive_folder, settings.clock()
    written = archive_months(settings.owner_url, target, clock, before=before)
    told = [f"{row.month}: {_events(row)} written and read back: {target / row.file}" for row in written]
    if drop:
        dropped = drop_months(settings.owner_url, target, clock, before=before, keep_months=keep_months)
        told += [f"{row.month}: {_events(row)} taken out of the database" for row in dropped]
    return "\n".join(told) or "Nothing to do: every month that is over is archived."


def put_month_back(settings: Settings, file: Path) -> str:
    """Put a month back into the database and say which."""
    row = unarchive(settings.owner_url, file)
    return f"{row.month}: {_events(row)} put back."


def _events(row: ArchiveRow) -> str:
    return f"{row.last - row.first + 1:,} events"
