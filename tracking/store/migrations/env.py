"""Alembic's way in: runs the steps on the connection it is handed, inside that connection's transaction."""

from alembic import context

from tracking.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=False,
)
context.run_migrations()
