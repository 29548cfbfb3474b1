# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds and disputes at payment providers, and what they are of a line."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column, or the rest of an earlier attempt.

    Until now, a refunded line was refunded by its price.
    """
    op.create_table(
        "reversals",
        sa.Column("reversal_id", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("status_rank", sa.Integer(), nullable=False),
        sa.Column(
            "is_effective", sa.Boolean(create_constraint=False), nullable=False
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reversal_id", "provider"),
        if_not_exists=True,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        "reversals_by_order", "reversals", ["order_id"], if_not_exists=True
    )
    op.create_index("acts_by_subject", "acts", ["subject"], if_not_exists=True)
    columns = sa.inspect(op.get_bind()).get_columns("order_items")
    if all(each["name"] != "refunded_minor" for each in columns):
        op.add_column(
            "order_items",
            sa.Column(
                "refunded_minor",
                sa.BigInteger(),
                nullable=False,
                server_default="0",
            ),
        )
    lines = sa.table(
        "order_items",
        sa.column("refunded", sa.Boolean),
        sa.column("refunded_minor", sa.BigInteger),
        sa.column("price_minor", sa.BigInteger),
    )
    op.execute(
        sa.update(lines)
        .where(lines.c.refunded)
        .values(refunded_minor=lines.c.price_minor)
    )
