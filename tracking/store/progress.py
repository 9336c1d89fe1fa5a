"""Long work tells how far it is, so that pages can show it. One row a piece of work; not part of the log."""

from __future__ import annotations

from sqlalchemy import delete, insert, update

from tracking.clock import Clock
from tracking.store import tables
from tracking.store.database import Database


class Progress:
    """The row of one piece of work, from its start to its end."""

    def __init__(self, database: Database, clock: Clock, name: str, total: int, detail: str) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        now = clock.now_us()
        row = {"name": name, "done": 0, "total": total, "detail": detail, "started_us": now, "updated_us": now}
        with database.writing() as connection:
            connection.execute(delete(tables.progress).where(tables.progress.c.name == name))
            connection.execute(insert(tables.progress).values(**row))

    def report(self, done: int, detail: str) -> None:
        """Say how much is done."""
        self._set(done=done, detail=detail, updated_us=self._clock.now_us())

    def finish(self, detail: str) -> None:
        """Say that all is done."""
        now = self._clock.now_us()
        self._set(done=tables.progress.c.total, detail=detail, updated_us=now, finished_us=now)

    def _set(self, **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(tables.progress).where(tables.progress.c.name == self._name).values(**values))
