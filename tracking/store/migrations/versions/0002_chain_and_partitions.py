"""The log chained, partitioned and with its duplicate keys apart; refused messages settled; what watches over it all.

Everything stored is carried over: events are linked in the order of their positions, refused messages numbered anew.
Run ``histotwin db rebuild`` afterwards: events whose time cannot be trusted take their place by their receipt now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from tracking.kill_points import passing
from tracking.moments import moment_us, offset_us
from tracking.store.chain import FIRST_LINK, event_link, rejected_link, rejected_seal, source_link
from tracking.store.partitions import MAKE_ROOM, make_room_sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_AT_ONCE = 5_000
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema here."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    _put_aside(is_sqlite)
    _make_log(connection, is_sqlite)
    link, position = _carry_events(connection)
    rejected = _carry_rejected(connection)
    _mend_projections(connection, position, link, rejected)
    op.drop_table("event_before")
    op.drop_table("rejected_before")
    _make_rest()
    passing("migration_in_transaction")


def downgrade() -> None:
    """Refuse: links and settlements cannot be taken back without losing them; restore a copy instead."""
    raise NotImplementedError("There is no way back from this schema; restore a copy made before.")


def _put_aside(is_sqlite: bool) -> None:
    op.drop_index("ix_event_source_id_time_us", "event")
    op.drop_index("ix_rejected_lab_last_us", "rejected")
    op.rename_table("event", "event_before")
    op.rename_table("rejected", "rejected_before")
    if not is_sqlite:
        for name in ("pk_event", "uq_event_source_id_event_id", "pk_rejected", "uq_rejected_digest"):
            op.execute(f"ALTER INDEX {name} RENAME TO {name}_before")


def _make_log(connection: sa.Connection, is_sqlite: bool) -> None:
    op.create_table(
        "event",
        sa.Column("position", _BIG, autoincrement=False, nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Text()),
        sa.Column("sequence", sa.BigInteger()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_event"),
        postgresql_partition_by="RANGE (position)",
    )
    op.create_table(
        "event_key",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "event_id", name="pk_event_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rejected",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text()),
        sa.Column("lab", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("attributes", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text()),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_us", sa.BigInteger()),
        sa.Column("person", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("position", sa.BigInteger()),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rejected"),
        sa.UniqueConstraint("digest", name="uq_rejected_digest"),
    )
    if not is_sqlite:
        schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
        op.execute(sa.text(make_room_sql(schema).replace(":=", "\\:=")))


def _carry_events(connection: sa.Connection) -> tuple[bytes, int]:
    """Copy the log in order, linked; return the last link and position."""
    paths = dict(tuple(row) for row in connection.exec_driver_sql("SELECT id, path FROM source"))
    link, position = FIRST_LINK, 0
    for rows in _rows(connection, "event_before", "position"):
        events, keys = [], []
        for row in rows:
            position, source_id, event_id, kind, time_us, received_us, boot, sequence, body, digest = row
            at_us = moment_us(time_us, _offset_us(bytes(body)), received_us)
            link = event_link(
                link, position, paths[source_id], event_id, kind, time_us, at_us, received_us, boot, sequence,
                bytes(digest), bytes(body),
            )  # fmt: skip
            events.append(
                (position, source_id, event_id, kind, time_us, at_us, received_us, boot, sequence, bytes(body), link)
            )
            keys.append((source_id, event_id, position, bytes(digest)))
        _make_room(connection, position)
        _insert(connection, "event_key", keys)
        _insert(connection, "event", events)
    _make_room(connection, position)
    op.create_index("ix_event_source_id_at_us", "event", ["source_id", "at_us"])
    return link, position


def _offset_us(body: bytes) -> int | None:
    """Return what an event says of its connector's clock; the first schema's door kept it and did not heed it."""
    return offset_us(orjson.loads(body).get("clockoffset")) if b"clockoffset" in body else None


def _make_room(connection: sa.Connection, position: int) -> None:
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT {MAKE_ROOM}(%s)", (position + 1,))


def _carry_rejected(connection: sa.Connection) -> int:
    link, number = FIRST_LINK, 0
    for rows in _rows(connection, "rejected_before", "id"):
        carried = []
        for row in rows:
            _id, digest, channel, origin, lab, kind, body, attributes, reason, message, event_id, *counted = row
            number += 1
            fixed = (number, channel, origin, lab, kind, attributes, reason, message, event_id)
            link = rejected_link(link, fixed, bytes(digest), bytes(body))
            changing = (*counted, "open", None, None, None, None)
            carried.append(
                (number, bytes(digest), channel, origin, lab, kind, bytes(body), attributes, reason, message, event_id,
                 *changing, link, rejected_seal(link, changing))
            )  # fmt: skip
        _insert(connection, "rejected", carried)
    op.create_index("ix_rejected_lab_last_us", "rejected", ["lab", "last_us"])
    op.create_index(
        "ix_rejected_open", "rejected", ["lab", "reason"], sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )  # fmt: skip
    return number


def _mend_projections(connection: sa.Connection, position: int, link: bytes, rejected: int) -> None:
    op.drop_table("head")
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    sources = _link_of_sources(connection)
    if (position, rejected, sources) != (0, 0, FIRST_LINK):
        _insert(connection, "head", [(1, position, link, rejected, sources)])
    op.add_column("device", sa.Column("clock_off_us", sa.BigInteger()))
    _date_gaps(connection)


def _link_of_sources(connection: sa.Connection) -> bytes:
    link = FIRST_LINK
    for number, path, lab in connection.exec_driver_sql("SELECT id, path, lab FROM source ORDER BY id"):
        link = source_link(link, number, path, lab)
    return link


def _date_gaps(connection: sa.Connection) -> None:
    """Give every range beyond a gap the earliest receipt in it."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    earliest = (
        f"SELECT min(received_us) FROM event WHERE source_id = {mark} AND boot = {mark} "  # noqa: S608
        f"AND sequence BETWEEN {mark} AND {mark}"
    )
    update = f"UPDATE watermark SET beyond = {mark} WHERE source_id = {mark} AND boot = {mark}"  # noqa: S608
    rows = connection.exec_driver_sql("SELECT source_id, boot, beyond FROM watermark WHERE beyond <> '[]'").all()
    for source_id, boot, beyond in rows:
        dated = [
            [first, last, connection.exec_driver_sql(earliest, (source_id, boot, first, last)).scalar() or 0]
            for first, last in orjson.loads(beyond)
        ]
        connection.exec_driver_sql(update, (orjson.dumps(dated).decode(), source_id, boot))


def _make_rest() -> None:
    op.create_table(
        "store_identity",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_store_identity"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("beat_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("part", name="pk_heartbeat"),
    )
    op.create_table(
        "correction",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("meant", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("ended_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
    )
    op.create_index("ix_correction_lab", "correction", ["lab"])
    op.create_table(
        "archive",
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("link_before", sa.LargeBinary(), nullable=False),
        sa.Column("link_last", sa.LargeBinary(), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("dropped_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("first", name="pk_archive"),
    )


def _rows(connection: sa.Connection, table: str, key: str) -> Iterator[list[Any]]:
    """Yield a table's rows in order of a numeric key, some at a time."""
    mark, after = "?" if connection.dialect.name == "sqlite" else "%s", -1
    names = ", ".join(column["name"] for column in sa.inspect(connection).get_columns(table))
    sql = f"SELECT {names} FROM {table} WHERE {key} > {mark} ORDER BY {key} LIMIT {_AT_ONCE}"  # noqa: S608
    while rows := connection.exec_driver_sql(sql, (after,)).all():
        yield list(rows)
        after = rows[-1][0]


def _insert(connection: sa.Connection, table: str, rows: list[Any]) -> None:
    if rows:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        marks = ", ".join([mark] * len(rows[0]))
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
