# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of invoices and of their series."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the tables, or the rest where MariaDB was stopped meanwhile."""
    op.create_table(
        "invoice_series",
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_table(
        "invoices",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "document",
            sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("order_id", "position"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "invoices_by_number",
        "invoices",
        ["series", "number"],
        unique=True,
        if_not_exists=True,
    )
    op.create_index(
        "invoices_by_time",
        "invoices",
        ["issued_at", "series", "number"],
        if_not_exists=True,
    )
