"""Room for the log: in PostgreSQL the event table is cut into partitions of ten million positions, made ahead of need.

Positions, not months: a position is the log's own key and grows with time, so that one partition after another fills,
while the duplicate key stays in a table of its own (``event_key``) and holds for the whole log. SQLite has one table.
"""

from __future__ import annotations

from sqlalchemy import Connection

POSITIONS = 10_000_000
PARTITION = "event_p"
MAKE_ROOM = "histotwin_make_room"


class Room:
    """Remembers up to which position there is room, and has more made when half of the last partition is full."""

    def __init__(self, is_sqlite: bool) -> None:
        self._is_needed = not is_sqlite
        self._ends = 0

    def make(self, connection: Connection, position: int) -> None:
        """See to it that ``position`` and half a partition more can be stored."""
        if self._is_needed and position + POSITIONS // 2 >= self._ends:
            made = connection.exec_driver_sql(f"SELECT {MAKE_ROOM}(%s)", (position + POSITIONS // 2,))
            self._ends = int(made.scalar_one())


def make_room_sql(schema: str) -> str:
    """Return the function that makes partitions: it runs as the schema's owner, whose rights the application lacks."""
    return f"""
    CREATE FUNCTION {MAKE_ROOM}(upto bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = {schema}, pg_temp AS $$
    DECLARE number bigint := greatest(0, upto / {POSITIONS} - 1); name text;
    BEGIN
      WHILE number * {POSITIONS} <= upto LOOP
        name := '{PARTITION}' || lpad(number::text, 5, '0');
        IF to_regclass(name) IS NULL THEN
          EXECUTE format('CREATE TABLE %I PARTITION OF event FOR VALUES FROM (%s) TO (%s)',
                         name, number * {POSITIONS}, (number + 1) * {POSITIONS});
        END IF;
        number := number + 1;
      END LOOP;
      RETURN number * {POSITIONS};
    END $$
    """  # our own names and figures
