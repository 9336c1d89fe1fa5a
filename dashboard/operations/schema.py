"""What only the schema's owner may do: bring the schema to this version, put a copy back, set the parts' rights."""

from __future__ import annotations

from pathlib import Path

from dashboard.operations.settings import Settings
from tracking.store.copies import restore
from tracking.store.migrate import upgrade
from tracking.store.privileges import grant_application_role


def upgrade_schema(settings: Settings) -> None:
    """Bring the schema to what this version needs, then the parts' role to its rights."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.owner_url)
    _grant(settings)


def restore_copy(settings: Settings, source: Path, *, force: bool = False) -> None:
    """Put a copy in the database's place; the rights of the parts' role come back with it or after it."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    restore(source, settings.owner_url, settings.clock(), force=force)
    _grant(settings)


def _grant(settings: Settings) -> None:
    if settings.database_app_role:
        grant_application_role(settings.owner_url, settings.database_app_role, settings.secret("database_app_password"))
