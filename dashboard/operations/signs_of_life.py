"""What ``histotwin health PART`` says, for a container's health check: whether a part has lately said that it lives."""

from __future__ import annotations

from dashboard.operations.settings import Settings
from tracking.clock import SECOND_US
from tracking.errors import StoreUnavailable
from tracking.store.database import open_database
from tracking.store.heartbeats import Heartbeat, heartbeats
from tracking.store.migrate import require_current

SILENT_AFTER_S = 90.0
"""A part says that it lives several times a minute; a forecast of a large laboratory may keep it busy for one."""
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
    return judge(known.get(part), part, settings.clock().now_us(), settings.speed)


def judge(last: Heartbeat | None, part: str, now_us: int, speed: float = 1.0) -> tuple[str, bool]:
    """Return one sentence on what a part said last, and whether it is well; ``speed`` is that of the clock."""
    if last is None:
        return f"{part} has never said that it lives.", False
    silent_s = max(0, now_us - last.beat_us) / SECOND_US / speed
    said = f"{part} is {last.state}; it said so {silent_s:.0f} s ago."
    return said, last.state != STOPPED and silent_s <= SILENT_AFTER_S
