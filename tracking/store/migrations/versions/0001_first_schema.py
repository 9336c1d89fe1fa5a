"""The first schema: the log, the projections, and what is neither."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    _make_log()
    _make_projections()
    _make_rest()


def downgrade() -> None:
    """Take the step back."""
    for table in (
        "progress",
        "token",
        "session",
        "person",
        "forecast_case",
        "forecast",
        "watermark",
        "device",
        "case_clock",
        "visit",
        "item_event",
        "alias",
        "item",
        "head",
        "rejected",
        "event",
        "source",
    ):
        op.drop_table(table)


def _make_log() -> None:
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("path", name="uq_source_path"),
    )
    op.create_table(
        "event",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Text()),
        sa.Column("sequence", sa.BigInteger()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_event"),
        sa.UniqueConstraint("source_id", "event_id", name="uq_event_source_id_event_id"),
    )
    op.create_table(
        "rejected",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_rejected"),
        sa.UniqueConstraint("digest", name="uq_rejected_digest"),
    )
    op.create_index("ix_event_source_id_time_us", "event", ["source_id", "time_us"])
    op.create_index("ix_rejected_lab_last_us", "rejected", ["lab", "last_us"])


def _make_projections() -> None:
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.BigInteger()),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("step_state", sa.Text()),
        sa.Column("step_us", sa.BigInteger()),
        sa.Column("station", sa.Text()),
        sa.Column("seen_us", sa.BigInteger()),
        sa.Column("run", sa.Text()),
        sa.Column("stain", sa.Text()),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("work", sa.Text()),
        sa.Column("attributes", sa.Text()),
        sa.Column("last_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_item"),
        sa.UniqueConstraint("lab", "barcode", name="uq_item_lab_barcode"),
    )
    op.create_index("ix_item_case_id_kind_step_step_state", "item", ["case_id", "kind", "step", "step_state"])
    op.create_index("ix_item_parent_id", "item", ["parent_id"])
    op.create_table(
        "alias",
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lab", "value", name="pk_alias"),
    )
    op.create_table(
        "item_event",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("item_id", "position", name="pk_item_event"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visit",
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("station", sa.Text()),
        sa.Column("operator", sa.Text()),
        sa.Column("source_id", sa.Integer()),
        sa.Column("run", sa.Text()),
        sa.Column("started_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "n", name="pk_visit"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_visit_lab_ended_us_step", "visit", ["lab", "ended_us", "step"])
    op.create_table(
        "case_clock",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text()),
        sa.Column("pathway", sa.Text()),
        sa.Column("specialty", sa.Text()),
        sa.Column("specimen_type", sa.Text()),
        sa.Column("collected_us", sa.BigInteger()),
        sa.Column("received_us", sa.BigInteger()),
        sa.Column("booked_in_us", sa.BigInteger()),
        sa.Column("assigned_us", sa.BigInteger()),
        sa.Column("reported_us", sa.BigInteger()),
        sa.Column("authorised_us", sa.BigInteger()),
        sa.Column("pathologist", sa.Text()),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_clock"),
    )
    op.create_index("ix_case_clock_lab_authorised_us", "case_clock", ["lab", "authorised_us"])
    op.create_index("ix_case_clock_lab_received_us", "case_clock", ["lab", "received_us"])
    op.create_index(
        "ix_case_clock_open",
        "case_clock",
        ["lab"],
        sqlite_where=sa.text("authorised_us IS NULL"),
        postgresql_where=sa.text("authorised_us IS NULL"),
    )
    op.create_table(
        "device",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("state", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("state_us", sa.BigInteger()),
        sa.Column("last_us", sa.BigInteger()),
        sa.Column("last_received_us", sa.BigInteger()),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name="pk_device"),
    )
    op.create_index("ix_device_lab", "device", ["lab"])
    op.create_table(
        "watermark",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("beyond", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "boot", name="pk_watermark"),
    )


def _make_rest() -> None:
    op.create_table(
        "forecast",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lab", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state_us", sa.BigInteger(), nullable=False),
        sa.Column("state_position", sa.BigInteger(), nullable=False),
        sa.Column("replications", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("cpu_s", sa.Float(), nullable=False),
        sa.Column("busiest", sa.Text()),
        sa.Column("resources", sa.Text(), nullable=False),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forecast"),
    )
    op.create_index("ix_forecast_lab_made_us", "forecast", ["lab", "made_us"])
    op.create_table(
        "forecast_case",
        sa.Column("forecast_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("p50_us", sa.BigInteger()),
        sa.Column("p80_us", sa.BigInteger()),
        sa.Column("p95_us", sa.BigInteger()),
        sa.Column("breach", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("forecast_id", "case_id", name="pk_forecast_case"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "person",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("labs", sa.Text()),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_person"),
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_session"),
    )
    op.create_index("ix_session_person", "session", ["person"])
    op.create_table(
        "token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("labs", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger()),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_token"),
        sa.UniqueConstraint("label", name="uq_token_label"),
    )
    op.create_table(
        "progress",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_progress"),
    )
