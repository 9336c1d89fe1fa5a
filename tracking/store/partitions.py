"""Room for the log: in PostgreSQL the event table is cut into partitions of ten million positions, made ahead of need.

Positions, not months: a position is the log's own key and grows with time, so that one partition after another fills,
while the duplicate key stays in a table of its own (``event_key``) and holds for the whole log. SQLite has one table.
"""

from __future__ import annotations

from sqlalchemy import Connection

from tracking.errors import StoreUnavailable

POSITIONS = 10_000_000
"""A partition's number times this is where it begins, so it may never change."""
PARTITION = "event_p"
MAKE_ROOM = "histotwin_make_room"


class Room:
    """Remembers up to which position nothing need be asked; a partition is made when half of the last one is full."""

    def __init__(self, is_sqlite: bool) -> None:
        self._is_needed = not is_sqlite
        self._asks_from = 0

    def forget(self) -> None:
        """Ask again: a transaction that may have made a partition was rolled back."""
        self._asks_from = 0

    def make(self, connection: Connection, position: int) -> None:
        """See to it that the log up to ``position`` can be stored.

        Raises ``StoreUnavailable`` when it cannot just now, because the table is locked.
        """
        if self._is_needed and position >= self._asks_from:
            sql = f"SELECT ends, asks_from FROM {MAKE_ROOM}(%s)"  # noqa: S608  # our own name
            ends, self._asks_from = connection.exec_driver_sql(sql, (position,)).one()
            if position >= ends:
                raise StoreUnavailable("The database cannot work just now: the log's table is locked and full.")


def install(connection: Connection) -> None:
    """Put the function that makes partitions into the database as this version has it; nobody but the owner may call it
    until he is given the right.
    """
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(make_room_sql(schema).replace("%", "%%"))
    connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {MAKE_ROOM}(bigint) FROM PUBLIC")


def make_room_sql(schema: str, positions: int = POSITIONS) -> str:
    """Return the function that makes partitions: it runs as the schema's owner, whose rights the application lacks.

    Whoever asks for more room than one more partition beyond the log's end is refused, so that nobody can fill the
    database with empty tables.

    A partition is made as a table of its own and then attached, because that waits for no reader of the log, however
    long it reads. One that is not needed yet is not waited for: it is tried again later.
    """
    return f"""
    CREATE OR REPLACE FUNCTION {MAKE_ROOM}(upto bigint, OUT ends bigint, OUT asks_from bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    DECLARE number bigint; name text; patience text := current_setting('lock_timeout');
    BEGIN
      IF upto > (SELECT coalesce(max(position), 0) FROM event) + {POSITIONS} THEN
        RAISE EXCEPTION 'nobody needs room up to position % now', upto;
      END IF;
      SELECT coalesce(max(substring(child.relname from '[0-9]+$')::bigint) + 1, 0) INTO number
        FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'event'::regclass;
      WHILE number * {positions} <= upto + {positions} / 2 LOOP
        name := '{PARTITION}' || lpad(number::text, 5, '0');
        BEGIN
          IF number * {positions} > upto THEN
            PERFORM set_config('lock_timeout', '100ms', true);
          END IF;
          EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING ALL)', name);
          EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                         name, number * {positions}, (number + 1) * {positions});
        EXCEPTION WHEN lock_not_available THEN
          PERFORM set_config('lock_timeout', patience, true);
          ends := number * {positions};
          asks_from := least(ends, upto + {positions} / 64 + 1);
          RETURN;
        END;
        PERFORM set_config('lock_timeout', patience, true);
        number := number + 1;
      END LOOP;
      ends := number * {positions};
      asks_from := ends - {positions} / 2;
    END $$
    """  # noqa: S608  # our own names and figures
