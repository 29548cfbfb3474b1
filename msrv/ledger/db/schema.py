# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of the ledger, for SQLite and MariaDB.

Money is in minor units, with its currency beside it. Times are in whole Unix
seconds, except `_ms`. There are no foreign keys: a refund may arrive before
its sale, and replicas record events in any order.

`days`, `download_days` and `item_periods` are aggregates, which are updated in
the transaction of their events: a report on a million orders reads a few rows.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from msrv.ledger.db.tables import columns, corrections

metadata = columns.metadata
correction_requests = corrections.correction_requests
watched_releases = corrections.watched_releases
watched_files = corrections.watched_files

# References that differ in case are different, which MariaDB's default
# collation doesn't respect; and a table is the same on every server.
_OPTIONS: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

_ORDER_ID: Final = String(24)
_ITEM_ID: Final = String(32)
_CURRENCY: Final = String(3)
_WORD: Final = String(64)
_REFERENCE: Final = String(255)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


orders = Table(
    "orders",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    _number("sold_at"),
    Column("provider", _WORD, nullable=False),
    Column("reference", _REFERENCE, nullable=False),
    Column("currency", _CURRENCY, nullable=False),
    _number("total_minor"),
    _number("refunded_minor"),
    Index("orders_by_time", "sold_at", "order_id"),
    Index("orders_by_reference", "reference"),
    **_OPTIONS,
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    Column("item_id", _ITEM_ID, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    _number("price_minor"),
    Column("refunded", Boolean(create_constraint=False), nullable=False),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Index("order_items_by_item", "item_id", "order_id"),
    **_OPTIONS,
)

# Consents to immediate delivery, as the receipts of their orders state them.
consents = Table(
    "consents",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    Column("wording_sha256", String(64), nullable=False),
    Column("language", String(12), nullable=False),
    _number("given_at"),
    **_OPTIONS,
)

# Countries and taxes of sales, as far as they are known.
sale_taxes = Table(
    "sale_taxes",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    Column("country", String(2), nullable=False),  # empty: not known
    Column("evidence", String(255), nullable=False),  # card:DE paypal:DE
    Column("tax_minor", BigInteger, nullable=True),
    Column("is_included", Boolean(create_constraint=False), nullable=False),
    Column("rate_bp", Integer, nullable=True),  # basis points
    Column("jurisdiction", String(64), nullable=False),
    Column("is_business", Boolean(create_constraint=False), nullable=False),
    **_OPTIONS,
)

# A row for each order or line that was ever revoked; the last change counts.
refunds = Table(
    "refunds",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    Column("item_id", _ITEM_ID, primary_key=True),  # empty: the whole order
    Column("revoked", Boolean(create_constraint=False), nullable=False),
    _number("changed_at_ms"),
    Column("changed_by", _WORD, nullable=False),
    _number("change_number"),  # increasing; replicas poll for greater ones
    Index("refunds_by_change", "change_number"),
    Index("refunds_by_time", "changed_at_ms", "order_id"),
    **_OPTIONS,
)

# Refunds and disputes at payment providers, each in its latest status.
reversals = Table(
    "reversals",
    metadata,
    Column("reversal_id", _REFERENCE, primary_key=True),
    Column("provider", _WORD, primary_key=True),
    Column("order_id", _ORDER_ID, nullable=False),
    Column("kind", _WORD, nullable=False),
    Column("status", _WORD, nullable=False),
    Column("status_rank", Integer, nullable=False),
    Column("is_effective", Boolean(create_constraint=False), nullable=False),
    _number("amount_minor"),
    _number("paid_minor"),
    Column("items", Text, nullable=False),  # separated by spaces
    Column("changed_by", _WORD, nullable=False),
    Column("reason", _WORD, nullable=False),
    _number("created_at"),
    _number("seen_at"),
    Index("reversals_by_order", "order_id"),
    **_OPTIONS,
)

payment_events = Table(
    "payment_events",
    metadata,
    # The id comes first: it is more selective, and is queried by itself.
    Column("event_id", _REFERENCE, primary_key=True),
    Column("provider", _WORD, primary_key=True),
    Column("kind", _WORD, nullable=False),
    Column("order_id", _ORDER_ID, nullable=False),  # empty: of no order
    _number("received_at"),
    Index("payment_events_by_order", "order_id"),
    **_OPTIONS,
)

redemptions = Table(
    "redemptions",
    metadata,
    Column("code_id", _WORD, primary_key=True),
    Column("order_id", _ORDER_ID, nullable=False),
    _number("redeemed_at"),
    Index("redemptions_by_order", "order_id"),
    **_OPTIONS,
)

downloads = Table(
    "downloads",
    metadata,
    Column("order_id", _ORDER_ID, primary_key=True),
    Column("item_id", _ITEM_ID, primary_key=True),
    Column("version", String(16), primary_key=True),
    _number("size_bytes"),
    _number("delivered_bytes"),
    Column("ranges", Text, nullable=False),  # 0-500,700-900
    _number("began_at"),
    _number("last_at"),
    Column("completed_at", BigInteger, nullable=True),
    Index("downloads_by_start", "began_at", "order_id", "item_id"),
    Index("downloads_by_completion", "completed_at", "order_id", "item_id"),
    **_OPTIONS,
)

# Actions of operators in the studio.
acts = Table(
    "acts",
    metadata,
    Column("act_id", _WORD, primary_key=True),
    _number("at_ms"),
    Column("session", _WORD, nullable=False),
    Column("act", _WORD, nullable=False),
    Column("subject", _REFERENCE, nullable=False),
    Index("acts_by_time", "at_ms", "act_id"),
    Index("acts_by_subject", "subject"),
    **_OPTIONS,
)

# Statements of withdrawal from contracts; see `ledger.withdrawals`.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("withdrawal_id", _WORD, primary_key=True),
    Column("order_id", _ORDER_ID, nullable=False),
    _number("stated_at_ms"),
    Column("outcome", _WORD, nullable=False),
    Column("handled_at_ms", BigInteger, nullable=True),
    Index("withdrawals_by_time", "stated_at_ms", "withdrawal_id"),
    Index("withdrawals_by_order", "order_id"),
    **_OPTIONS,
)

days = Table(
    "days",
    metadata,
    # Days since 1970, UTC. Sales by the day of the sale, refunds by theirs.
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("currency", _CURRENCY, primary_key=True),
    _number("orders"),
    _number("items"),
    _number("sold_minor"),
    _number("refunds"),  # lines
    _number("refunded_minor"),
    **_OPTIONS,
)

download_days = Table(
    "download_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    _number("begun"),
    _number("completed"),
    _number("delivered_bytes"),
    **_OPTIONS,
)

# Sales of an item in the periods of the sale: all time (`all`), the year
# (`2026`), and the month (`2026-03`).
item_periods = Table(
    "item_periods",
    metadata,
    Column("period", String(7), primary_key=True),
    Column("item_id", _ITEM_ID, primary_key=True),
    Column("currency", _CURRENCY, primary_key=True),
    _number("sold"),
    _number("sold_minor"),
    _number("refunded"),
    _number("refunded_minor"),
    Index("item_periods_by_sold", "period", "sold"),
    **_OPTIONS,
)

titles = Table(
    "titles",
    metadata,
    Column("item_id", _ITEM_ID, primary_key=True),
    Column("title", String(200), nullable=False),
    **_OPTIONS,
)

# Contents of each sold item, and the items of releases. A renamed file is
# found by its SHA-256, which is empty for a release.
item_contents = Table(
    "item_contents",
    metadata,
    Column("item_id", _ITEM_ID, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("release_id", _ITEM_ID, nullable=False),
    Column("title", String(200), nullable=False),
    Column("release_title", String(200), nullable=False),
    Column("path", Text, nullable=False),  # percent-encoded
    Column("sha256", String(64), nullable=False),
    Column("duration_ms", BigInteger, nullable=True),
    _number("changed_at_ms"),
    **_OPTIONS,
)

release_members = Table(
    "release_members",
    metadata,
    Column("release_id", _ITEM_ID, primary_key=True),
    Column("item_id", _ITEM_ID, primary_key=True),
    **_OPTIONS,
)

# What the seller and webhook endpoints are told, in order; see `db.feed`.
outgoing_events = Table(
    "outgoing_events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", _WORD, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("order_id", _ORDER_ID, nullable=False),  # empty: of no order
    Column("item_ids", Text, nullable=False),  # separated by spaces
    _number("amount_minor"),
    _number("at"),
    Index("outgoing_events_by_id", "event_id", unique=True),
    Index("outgoing_events_by_time", "at"),
    **_OPTIONS,
)

event_consumers = Table(
    "event_consumers",
    metadata,
    Column("name", _WORD, primary_key=True),
    _number("number"),
    _number("paused_until"),
    Column("disabled_at", BigInteger, nullable=True),
    **_OPTIONS,
)

# Deliveries of events to webhook endpoints, until KEPT_SECONDS after them.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("endpoint", _WORD, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    _number("due_at"),
    _number("claimed_until"),
    _number("changed_at"),
    Column("answer", String(100), nullable=False),
    Index("webhook_deliveries_by_due", "endpoint", "status", "due_at"),
    **_OPTIONS,
)

# Releases that were in the library at any time.
published_releases = Table(
    "published_releases",
    metadata,
    Column("item_id", _ITEM_ID, primary_key=True),
    _number("at"),
    **_OPTIONS,
)

# The row `changes` is the number of the last refund change. Each writer locks
# it first, so that there is one writer at a time on either database. The
# others are sign-in state that replicas share; see `sign_in_rows`.
marks = Table(
    "marks",
    metadata,
    Column("name", _WORD, primary_key=True),
    _number("value"),
    **_OPTIONS,
)
