"""What ``histotwin health PART`` says, for a container's health check: whether a part has lately said that it lives."""

from __future__ import annotations

from dashboard.operations.settings import Settings
from tracking.errors import InputMistakes, Mistake, StoreUnavailable
from tracking.queries.troubles import FORECAST, INGEST, STANDBY, VIRTUAL_LAB, is_silent
from tracking.store.database import open_database
from tracking.store.heartbeats import heartbeats, seconds_silent
from tracking.store.migrate import require_current

PARTS = (INGEST, STANDBY, FORECAST, VIRTUAL_LAB, "serve")
STOPPED = "stopped"


def part_health(settings: Settings, part: str) -> tuple[str, bool]:
    """Return one sentence on a part and whether it is well.

    Raises ``InputMistakes`` for what is no part, ``WrongSchema`` for another version's database.
    """
    if part not in PARTS:
        raise InputMistakes([Mistake("command line", "PART", part, f"one of {', '.join(PARTS)}")])
    database = open_database(settings.url)
    try:
        require_current(database)
        with database.reading() as connection:
            last = heartbeats(connection).get(part)
            silent_s = 0.0 if last is None else seconds_silent(connection, settings.clock(), last)
    except StoreUnavailable as error:
        return str(error), False
    finally:
        database.close()
    if last is None:
        return f"{part} has never said that it lives.", False
    said = f"{part} is {last.state}; it said so {max(0.0, silent_s):.0f} s ago."
    return said, last.state != STOPPED and not is_silent(part, silent_s)
