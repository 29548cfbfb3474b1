# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table of the countries and taxes of sales."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the table, unless MariaDB was stopped after that."""
    op.create_table(
        "sale_taxes",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("evidence", sa.String(length=255), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=True),
        sa.Column(
            "is_included", sa.Boolean(create_constraint=False), nullable=False
        ),
        sa.Column("rate_bp", sa.Integer(), nullable=True),
        sa.Column("jurisdiction", sa.String(length=64), nullable=False),
        sa.Column(
            "is_business", sa.Boolean(create_constraint=False), nullable=False
        ),
        sa.PrimaryKeyConstraint("order_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
