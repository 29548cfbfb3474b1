# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of the ledger, for each database.

Money is in minor units, with its currency beside it. Times are in whole Unix
seconds, except `_ms`. There are no foreign keys: a refund may arrive before
its sale, and replicas record events in any order.

`days`, `download_days` and `item_periods` are aggregates, which are updated in
the transaction of their events: a report on a million orders reads a few rows.
"""

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
from msrv.ledger.db.tables import country_decisions as decision_tables
from msrv.ledger.db.tables import invoices as invoice_tables
from msrv.ledger.db.tables import operators as operator_tables
from msrv.ledger.db.tables import passkeys as passkey_tables
from msrv.ledger.db.tables.columns import (
    CURRENCY,
    ITEM_ID,
    OPTIONS,
    ORDER_ID,
    REFERENCE,
    WORD,
    number,
)

metadata = columns.metadata
correction_requests = corrections.correction_requests
watched_releases = corrections.watched_releases
watched_files = corrections.watched_files
operators = operator_tables.operators
api_tokens = operator_tables.api_tokens
acts = operator_tables.acts
country_decisions = decision_tables.country_decisions
invoices = invoice_tables.invoices
invoice_series = invoice_tables.invoice_series
passkeys = passkey_tables.passkeys

orders = Table(
    "orders",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    number("sold_at"),
    Column("provider", WORD, nullable=False),
    Column("reference", REFERENCE, nullable=False),
    Column("currency", CURRENCY, nullable=False),
    number("total_minor"),
    number("refunded_minor"),
    Index("orders_by_time", "sold_at", "order_id"),
    Index("orders_by_reference", "reference"),
    **OPTIONS,
)

order_items = Table(
    "order_items",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    number("price_minor"),
    Column("refunded", Boolean(create_constraint=False), nullable=False),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Index("order_items_by_item", "item_id", "order_id"),
    **OPTIONS,
)

# Consents to immediate delivery, as the receipts of their orders state them.
consents = Table(
    "consents",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("wording_sha256", String(64), nullable=False),
    Column("language", String(12), nullable=False),
    number("given_at"),
    **OPTIONS,
)

# Countries and taxes of sales, as far as they are known.
sale_taxes = Table(
    "sale_taxes",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("country", String(2), nullable=False),  # empty: not known
    Column("evidence", String(255), nullable=False),  # card:DE paypal:DE
    Column("tax_minor", BigInteger, nullable=True),
    Column("is_included", Boolean(create_constraint=False), nullable=False),
    Column("rate_bp", Integer, nullable=True),  # basis points
    Column("jurisdiction", String(64), nullable=False),
    Column("is_business", Boolean(create_constraint=False), nullable=False),
    **OPTIONS,
)

# A row for each order or line that was ever revoked; the last change counts.
refunds = Table(
    "refunds",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),  # empty: the whole order
    Column("revoked", Boolean(create_constraint=False), nullable=False),
    number("changed_at_ms"),
    Column("changed_by", WORD, nullable=False),
    number("change_number"),  # increasing; replicas poll for greater ones
    Index("refunds_by_change", "change_number"),
    Index("refunds_by_time", "changed_at_ms", "order_id"),
    **OPTIONS,
)

# Refunds and disputes at payment providers, each in its latest status.
reversals = Table(
    "reversals",
    metadata,
    Column("reversal_id", REFERENCE, primary_key=True),
    Column("provider", WORD, primary_key=True),
    Column("order_id", ORDER_ID, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("status", WORD, nullable=False),
    Column("status_rank", Integer, nullable=False),
    Column("is_effective", Boolean(create_constraint=False), nullable=False),
    number("amount_minor"),
    number("paid_minor"),
    Column("items", Text, nullable=False),  # separated by spaces
    Column("changed_by", WORD, nullable=False),
    Column("reason", WORD, nullable=False),
    number("created_at"),
    number("seen_at"),
    Index("reversals_by_order", "order_id"),
    **OPTIONS,
)

payment_events = Table(
    "payment_events",
    metadata,
    # The id comes first: it is more selective, and is queried by itself.
    Column("event_id", REFERENCE, primary_key=True),
    Column("provider", WORD, primary_key=True),
    Column("kind", WORD, nullable=False),
    Column("order_id", ORDER_ID, nullable=False),  # empty: of no order
    number("received_at"),
    Index("payment_events_by_order", "order_id"),
    **OPTIONS,
)

redemptions = Table(
    "redemptions",
    metadata,
    Column("code_id", WORD, primary_key=True),
    Column("order_id", ORDER_ID, nullable=False),
    number("redeemed_at"),
    Index("redemptions_by_order", "order_id"),
    **OPTIONS,
)

downloads = Table(
    "downloads",
    metadata,
    Column("order_id", ORDER_ID, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("version", String(16), primary_key=True),
    number("size_bytes"),
    number("delivered_bytes"),
    Column("ranges", Text, nullable=False),  # 0-500,700-900
    number("began_at"),
    number("last_at"),
    Column("completed_at", BigInteger, nullable=True),
    Index("downloads_by_start", "began_at", "order_id", "item_id"),
    Index("downloads_by_completion", "completed_at", "order_id", "item_id"),
    **OPTIONS,
)

# Statements of withdrawal from contracts; see `ledger.withdrawals`.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("withdrawal_id", WORD, primary_key=True),
    Column("order_id", ORDER_ID, nullable=False),
    number("stated_at_ms"),
    Column("outcome", WORD, nullable=False),
    Column("handled_at_ms", BigInteger, nullable=True),
    Index("withdrawals_by_time", "stated_at_ms", "withdrawal_id"),
    Index("withdrawals_by_order", "order_id"),
    **OPTIONS,
)

days = Table(
    "days",
    metadata,
    # Days since 1970, UTC. Sales by the day of the sale, refunds by theirs.
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("currency", CURRENCY, primary_key=True),
    number("orders"),
    number("items"),
    number("sold_minor"),
    number("refunds"),  # lines
    number("refunded_minor"),
    **OPTIONS,
)

download_days = Table(
    "download_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    number("begun"),
    number("completed"),
    number("delivered_bytes"),
    **OPTIONS,
)

# Sales of an item in the periods of the sale: all time (`all`), the year
# (`2026`), and the month (`2026-03`).
item_periods = Table(
    "item_periods",
    metadata,
    Column("period", String(7), primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    Column("currency", CURRENCY, primary_key=True),
    number("sold"),
    number("sold_minor"),
    number("refunded"),
    number("refunded_minor"),
    Index("item_periods_by_sold", "period", "sold"),
    **OPTIONS,
)

titles = Table(
    "titles",
    metadata,
    Column("item_id", ITEM_ID, primary_key=True),
    Column("title", String(200), nullable=False),
    **OPTIONS,
)

# Contents of each sold item, and the items of releases. A renamed file is
# found by its SHA-256, which is empty for a release.
item_contents = Table(
    "item_contents",
    metadata,
    Column("item_id", ITEM_ID, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("release_id", ITEM_ID, nullable=False),
    Column("title", String(200), nullable=False),
    Column("release_title", String(200), nullable=False),
    Column("path", Text, nullable=False),  # percent-encoded
    Column("sha256", String(64), nullable=False),
    Column("duration_ms", BigInteger, nullable=True),
    number("changed_at_ms"),
    **OPTIONS,
)

release_members = Table(
    "release_members",
    metadata,
    Column("release_id", ITEM_ID, primary_key=True),
    Column("item_id", ITEM_ID, primary_key=True),
    **OPTIONS,
)

# What the seller and webhook endpoints are told, in order; see `db.feed`.
outgoing_events = Table(
    "outgoing_events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", WORD, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("order_id", ORDER_ID, nullable=False),  # empty: of no order
    Column("item_ids", Text, nullable=False),  # separated by spaces
    number("amount_minor"),
    number("at"),
    Index("outgoing_events_by_id", "event_id", unique=True),
    Index("outgoing_events_by_time", "at"),
    **OPTIONS,
)

event_consumers = Table(
    "event_consumers",
    metadata,
    Column("name", WORD, primary_key=True),
    number("number"),
    number("paused_until"),
    Column("disabled_at", BigInteger, nullable=True),
    **OPTIONS,
)

# Deliveries of events to webhook endpoints, until KEPT_SECONDS after them.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("endpoint", WORD, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    number("due_at"),
    number("claimed_until"),
    number("changed_at"),
    Column("answer", String(100), nullable=False),
    Index("webhook_deliveries_by_due", "endpoint", "status", "due_at"),
    **OPTIONS,
)

# Releases that were in the library at any time.
published_releases = Table(
    "published_releases",
    metadata,
    Column("item_id", ITEM_ID, primary_key=True),
    number("at"),
    **OPTIONS,
)

# The row `changes` is the number of the last refund change. Each writer locks
# it first, so that there is one writer at a time on each database. The
# others are sign-in state that replicas share; see `sign_in_rows`.
marks = Table(
    "marks",
    metadata,
    Column("name", WORD, primary_key=True),
    number("value"),
    **OPTIONS,
)
