"""The database says which programs it still serves, so that an old one can go on beside a migration."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0001"


def upgrade() -> None:
    """A table of one row; bookcore.catalogue.migrate writes it after each migration."""
    text = sa.String(10).with_variant(sa.String(10, collation="C"), "postgresql")
    op.create_table("schema_compatibility", sa.Column("oldest_reader", text, primary_key=True))


def downgrade() -> None:
    """Programs require the database to be of their own revision again."""
    op.drop_table("schema_compatibility")
