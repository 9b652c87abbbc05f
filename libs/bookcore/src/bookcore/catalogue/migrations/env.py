"""Alembic's way in: the connection is given by bookcore.catalogue.schema."""

from alembic import context

from bookcore.catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction holds the whole upgrade
    render_as_batch=True,
)
context.run_migrations()
