# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Indexes for the orders of an item, and for the downloads of a day."""

from typing import Final

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES: Final = (
    ("order_items_by_item", "order_items", ["item_id", "order_id"]),
    ("downloads_by_start", "downloads", ["began_at", "order_id", "item_id"]),
    (
        "downloads_by_completion",
        "downloads",
        ["completed_at", "order_id", "item_id"],
    ),
)


def upgrade() -> None:
    """Create the indexes, or the rest where MariaDB was stopped meanwhile."""
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns, if_not_exists=True)
