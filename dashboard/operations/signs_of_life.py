"""What ``histotwin health PART`` says, for a container's health check: whether a part has lately said that it lives."""

from __future__ import annotations

from dashboard.operations.settings import Settings
from tracking.clock import Clock, real_seconds_since
from tracking.errors import StoreUnavailable
from tracking.queries.troubles import SILENT_AFTER_S
from tracking.store.database import open_database
from tracking.store.heartbeats import Heartbeat, heartbeats
from tracking.store.migrate import require_current

_USUALLY_SILENT_AFTER_S = 60.0
STOPPED = "stopped"


def part_health(settings: Settings, part: str) -> tuple[str, bool]:
    """Return one sentence on a part and whether it is well; raises ``WrongSchema`` for another version's database."""
    database = open_database(settings.url)
    try:
        require_current(database)
        with database.reading() as connection:
            known = heartbeats(connection)
    except StoreUnavailable as error:
        return str(error), False
    finally:
        database.close()
    return judge(known.get(part), part, settings.clock())


def judge(last: Heartbeat | None, part: str, clock: Clock) -> tuple[str, bool]:
    """Return one sentence on what a part said last, and whether it is well."""
    if last is None:
        return f"{part} has never said that it lives.", False
    silent_s = max(0.0, real_seconds_since(clock, last.beat_us))
    is_heard = silent_s <= SILENT_AFTER_S.get(part, _USUALLY_SILENT_AFTER_S)
    return f"{part} is {last.state}; it said so {silent_s:.0f} s ago.", is_heard and last.state != STOPPED
