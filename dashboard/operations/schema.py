"""What only the schema's owner may do: bring the schema to this version, put a copy back, set the parts' rights."""

from __future__ import annotations

from pathlib import Path

from dashboard.operations.settings import Settings
from tracking.store.copies import restore
from tracking.store.migrate import upgrade
from tracking.store.privileges import grant_application_role

UP_TO_DATE = "The schema is up to date."
REBUILD_DUE = " It was of an older version: run histotwin db rebuild before the parts start."


def upgrade_schema(settings: Settings) -> str:
    """Bring the schema to what this version needs, then the parts' role to its rights; say what was done."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    was_older = upgrade(settings.owner_url)
    _grant(settings)
    return f"{UP_TO_DATE}{REBUILD_DUE if was_older else ''}"


def restore_copy(settings: Settings, source: Path, *, force: bool = False) -> str:
    """Put a copy in the database's place, with the rights of the parts' role; say what was done."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    was_older = restore(source, settings.owner_url, settings.clock(), force=force)
    _grant(settings)
    return f"Restored. Devices send again by themselves what came after the copy.{REBUILD_DUE if was_older else ''}"


def _grant(settings: Settings) -> None:
    if settings.database_app_role:
        grant_application_role(settings.owner_url, settings.database_app_role, settings.secret("database_app_password"))
