# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table of statements of withdrawal."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the table, or the rest where MariaDB was stopped meanwhile."""
    op.create_table(
        "withdrawals",
        sa.Column("withdrawal_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("stated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("handled_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("withdrawal_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "withdrawals_by_time",
        "withdrawals",
        ["stated_at_ms", "withdrawal_id"],
        if_not_exists=True,
    )
    op.create_index(
        "withdrawals_by_order",
        "withdrawals",
        ["order_id"],
        if_not_exists=True,
    )
