# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of correction requests and of the files that were announced.

Apart from `schema`, which collects the tables of all parts.
"""

from sqlalchemy import Column, Index, String, Table

from msrv.ledger.db.tables.columns import (
    ITEM_ID,
    OPTIONS,
    ORDER_ID,
    metadata,
    number,
)

# Orders whose buyers asked to hear of corrections. There is no address: the
# payment provider has it.
correction_requests = Table(
    "correction_requests",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("language", String(12), nullable=False),
    number("asked_at"),
    number("told_number"),
    number("telling_number"),  # of the mail that is being made
    number("due_at"),
    Index("correction_requests_by_due", "due_at", "order_id"),
    **OPTIONS,
)

# Releases of such orders: digests of their files as last recorded, and as
# they are since some time.
watched_releases = Table(
    "watched_releases",
    metadata,
    Column("release_id", ITEM_ID, primary_key=True),
    Column("recorded", String(64), nullable=False),
    Column("found", String(64), nullable=False),
    number("found_at"),
    **OPTIONS,
)

# Their files, with the numbers of the change that each appeared and was last
# corrected with; 0 for one that was there when the first buyer asked.
watched_files = Table(
    "watched_files",
    metadata,
    Column("release_id", ITEM_ID, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("sha256", String(64), nullable=False),
    number("added_number"),
    number("changed_number"),
    Index("watched_files_by_change", "changed_number"),
    **OPTIONS,
)
