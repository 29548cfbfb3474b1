# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""First tables."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the tables, or the rest where MariaDB was stopped meanwhile."""
    _create(
        "days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("sold_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "currency"),
    )
    _create(
        "download_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("completed", sa.BigInteger(), nullable=False),
        sa.Column("delivered_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    _create(
        "downloads",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("delivered_bytes", sa.BigInteger(), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "item_id", "version"),
    )
    _create(
        "item_periods",
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.Column("sold_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period", "item_id", "currency"),
    )
    op.create_index(
        "item_periods_by_sold",
        "item_periods",
        ["period", "sold"],
        if_not_exists=True,
    )
    _create(
        "marks",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _create(
        "order_items",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "item_id"),
    )
    _create(
        "orders",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("sold_at", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index(
        "orders_by_reference", "orders", ["reference"], if_not_exists=True
    )
    op.create_index(
        "orders_by_time", "orders", ["sold_at", "order_id"], if_not_exists=True
    )
    _create(
        "payment_events",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "provider"),
    )
    op.create_index(
        "payment_events_by_order",
        "payment_events",
        ["order_id"],
        if_not_exists=True,
    )
    _create(
        "redemptions",
        sa.Column("code_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code_id"),
    )
    op.create_index(
        "redemptions_by_order", "redemptions", ["order_id"], if_not_exists=True
    )
    _create(
        "refunds",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "item_id"),
    )
    op.create_index(
        "refunds_by_change", "refunds", ["change_number"], if_not_exists=True
    )
    op.create_index(
        "refunds_by_time",
        "refunds",
        ["changed_at_ms", "order_id"],
        if_not_exists=True,
    )
    _create(
        "titles",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    marks = sa.table(
        "marks",
        sa.column("name", sa.String),
        sa.column("value", sa.BigInteger),
    )
    connection = op.get_bind()
    if connection.scalar(sa.select(marks.c.value)) is None:
        op.bulk_insert(marks, [{"name": "changes", "value": 0}])


def _create(name: str, *parts: Any) -> None:  # noqa: ANN401 - columns, keys
    op.create_table(name, *parts, if_not_exists=True, **_OPTIONS)
