"""Every table, once, for SQLite and PostgreSQL alike. Declarations only.

Moments are integers, microseconds since 1970-01-01 UTC, in columns named ``…_us``. JSON is text, because the two
databases treat JSON types differently and rows must be equal on both. Three families stand here: the log (written
once), the projections (a pure function of the log; ``db rebuild`` makes them anew) and what is neither (forecasts,
people, progress).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- the log -----------------------------------------------------------------------------------------------------
source = Table(
    "source", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False, unique=True),
    Column("lab", Text, nullable=False),
)  # fmt: skip
event = Table(
    "event", metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("source_id", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("boot", Text),
    Column("sequence", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Index(None, "source_id", "at_us"),
    postgresql_partition_by="RANGE (position)",
)  # fmt: skip
event_key = Table(
    "event_key", metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
rejected = Table(
    "rejected", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("origin", Text),
    Column("lab", Text),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attributes", Text),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("event_id", Text),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("settled_us", BigInteger),
    Column("person", Text),
    Column("note", Text),
    Column("position", BigInteger),
    Column("link", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index(None, "lab", "last_us"),
    Index("ix_rejected_open", "lab", "reason", sqlite_where=text("state = 'open'"),
          postgresql_where=text("state = 'open'")),
)  # fmt: skip

# --- projections: where everything is and what was done to it ------------------------------------------------------
head = Table(
    "head", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("sources", LargeBinary, nullable=False),
)  # fmt: skip
item = Table(
    "item", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("lab", Text, nullable=False),
    Column("barcode", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parent_id", BigInteger),
    Column("case_id", BigInteger),
    Column("announced", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("step", Text),
    Column("step_state", Text),
    Column("step_us", BigInteger),
    Column("station", Text),
    Column("seen_us", BigInteger),
    Column("run", Text),
    Column("stain", Text),
    Column("images", Integer, nullable=False),
    Column("work", Text),
    Column("attributes", Text),
    Column("last_us", BigInteger),
    UniqueConstraint("lab", "barcode"),
    Index(None, "case_id", "kind", "step", "step_state"),
    Index(None, "parent_id"),
)  # fmt: skip
alias = Table(
    "alias", metadata,
    Column("lab", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("item_id", BigInteger, nullable=False),
)  # fmt: skip
item_event = Table(
    "item_event", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)  # fmt: skip
visit = Table(
    "visit", metadata,
    Column("item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("lab", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("station", Text),
    Column("operator", Text),
    Column("source_id", Integer),
    Column("run", Text),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("outcome", Text, nullable=False),
    Index(None, "lab", "ended_us", "step"),
    sqlite_with_rowid=False,
)  # fmt: skip
case_clock = Table(
    "case_clock", metadata,
    Column("case_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("lab", Text, nullable=False),
    Column("barcode", Text, nullable=False),
    Column("priority", Text),
    Column("pathway", Text),
    Column("specialty", Text),
    Column("specimen_type", Text),
    Column("collected_us", BigInteger),
    Column("received_us", BigInteger),
    Column("booked_in_us", BigInteger),
    Column("assigned_us", BigInteger),
    Column("reported_us", BigInteger),
    Column("authorised_us", BigInteger),
    Column("pathologist", Text),
    Column("steps", Text, nullable=False),
    Index(None, "lab", "authorised_us"),
    Index(None, "lab", "received_us"),
    Index("ix_case_clock_open", "lab", sqlite_where=text("authorised_us IS NULL"),
          postgresql_where=text("authorised_us IS NULL")),
)  # fmt: skip
device = Table(
    "device", metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("lab", Text, nullable=False),
    Column("state", Text),
    Column("detail", Text),
    Column("state_us", BigInteger),
    Column("last_us", BigInteger),
    Column("last_received_us", BigInteger),
    Column("events", BigInteger, nullable=False),
    Column("clock_off_us", BigInteger),
    Index(None, "lab"),
)  # fmt: skip
watermark = Table(
    "watermark", metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("boot", Text, primary_key=True),
    Column("contiguous", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("beyond", Text, nullable=False),
)  # fmt: skip
PROJECTIONS = (head, item, alias, item_event, visit, case_clock, device, watermark)

# --- neither: what the product itself says and holds -----------------------------------------------------------------
store_identity = Table(
    "store_identity", metadata,
    Column("id", Text, primary_key=True),
    Column("made_us", BigInteger, nullable=False),
)  # fmt: skip
heartbeat = Table(
    "heartbeat", metadata,
    Column("part", Text, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("beat_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False),
)  # fmt: skip
correction = Table(
    "correction", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("lab", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("given", Text, nullable=False),
    Column("meant", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("ended_by", Text),
    Index(None, "lab"),
)  # fmt: skip
archive = Table(
    "archive", metadata,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("month", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("link_before", LargeBinary, nullable=False),
    Column("link_last", LargeBinary, nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Column("dropped_us", BigInteger),
)  # fmt: skip
forecast = Table(
    "forecast", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("lab", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("state_us", BigInteger, nullable=False),
    Column("state_position", BigInteger, nullable=False),
    Column("replications", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("busiest", Text),
    Column("resources", Text, nullable=False),
    Column("targets", Text, nullable=False),
    Index(None, "lab", "made_us"),
)  # fmt: skip
forecast_case = Table(
    "forecast_case", metadata,
    Column("forecast_id", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("p50_us", BigInteger),
    Column("p80_us", BigInteger),
    Column("p95_us", BigInteger),
    Column("breach", Text, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
person = Table(
    "person", metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("labs", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger),
)  # fmt: skip
session = Table(
    "session", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Index(None, "person"),
)  # fmt: skip
token = Table(
    "token", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("label", Text, nullable=False, unique=True),
    Column("roles", Text, nullable=False),
    Column("labs", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked", Boolean, nullable=False),
)  # fmt: skip
progress = Table(
    "progress", metadata,
    Column("name", Text, primary_key=True),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
)  # fmt: skip
