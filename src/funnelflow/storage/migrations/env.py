"""What Alembic runs for every migration: on the connection that it was given."""

from alembic import context

from funnelflow.storage.schema import VERSION_TABLE
from funnelflow.storage.tables import complete_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=complete_metadata(),
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
