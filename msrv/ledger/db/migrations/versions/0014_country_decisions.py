# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table of the countries of sales that were decided by hand."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "country_decisions",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("country", sa.String(length=64), nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=True),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
