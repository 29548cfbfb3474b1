# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of what the seller and webhook endpoints are told."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
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
        "outgoing_events",
        sa.Column(
            "number", sa.BigInteger(), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("item_ids", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "outgoing_events_by_id",
        "outgoing_events",
        ["event_id"],
        unique=True,
        if_not_exists=True,
    )
    op.create_index(
        "outgoing_events_by_time",
        "outgoing_events",
        ["at"],
        if_not_exists=True,
    )
    op.create_table(
        "event_consumers",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column(
            "number", sa.BigInteger(), autoincrement=False, nullable=False
        ),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "number"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "webhook_deliveries_by_due",
        "webhook_deliveries",
        ["endpoint", "status", "due_at"],
        if_not_exists=True,
    )
    op.create_table(
        "published_releases",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
