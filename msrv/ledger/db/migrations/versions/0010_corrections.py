# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of the buyers who hear of corrections."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
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
        "correction_requests",
        sa.Column("order_id", sa.String(length=24), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("told_number", sa.BigInteger(), nullable=False),
        sa.Column("telling_number", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "correction_requests_by_due",
        "correction_requests",
        ["due_at", "order_id"],
        if_not_exists=True,
    )
    op.create_table(
        "watched_releases",
        sa.Column("release_id", sa.String(length=32), nullable=False),
        sa.Column("recorded", sa.String(length=64), nullable=False),
        sa.Column("found", sa.String(length=64), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_table(
        "watched_files",
        sa.Column("release_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_number", sa.BigInteger(), nullable=False),
        sa.Column("changed_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release_id", "item_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "watched_files_by_change",
        "watched_files",
        ["changed_number"],
        if_not_exists=True,
    )
