# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schemas of the studio's figures, lists and links."""

from collections.abc import Mapping
from typing import Final

from msrv.taxes.oss_report import SaleGroup, UndecidedReason
from msrv.web.openapi.invoice_operations import DOCUMENT
from msrv.web.openapi.schema_types import (
    BOOLEAN,
    COUNT,
    CURRENCY,
    MINOR,
    PATH_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Json,
    array,
    by_name,
    described,
    member_of,
    one_of,
    or_null,
    record,
)
from msrv.web.openapi.studio_schemas import (
    DAY,
    DECISION,
    FIGURES,
    LINE,
    MILLISECONDS,
    RELEASE,
    REVERSAL,
    SELLER,
    SOLD,
)
from msrv.web.studio.chart import Span

_STARTED: Final[Mapping[str, Json]] = {"begun": COUNT, "completed": COUNT}
_DELIVERED: Final[Mapping[str, Json]] = {**_STARTED, "delivered_bytes": COUNT}
_DAYS: Final[Json] = record(
    {
        "first_day": DAY,
        "last_day": DAY,
        "sales": described(by_name(record(FIGURES)), "by currency"),
        "downloads": record(_STARTED),
    }
)
_SIGNED: Final[Json] = {"type": "integer"}
_AMOUNTS: Final[Json] = record(
    {"net_minor": _SIGNED, "tax_minor": _SIGNED, "gross_minor": _SIGNED}
)
_SUM: Final[Json] = record(
    {
        "group": member_of(SaleGroup),
        "sale_quarter": TEXT,
        "currency": CURRENCY,
        "country": TEXT_OR_NULL,
        "rate": described(TEXT_OR_NULL, "percent"),
        "orders": COUNT,
        "decided": described(COUNT, "of the orders, decided by hand"),
        "sold": _AMOUNTS,
        "refunded": _AMOUNTS,
        "left": _AMOUNTS,
    }
)
_SALE: Final[Mapping[str, Json]] = {
    "order_id": TEXT,
    "sold_at": TIME,
    "currency": CURRENCY,
    "gross_minor": MINOR,
}
_STATUSES: Final = ("waiting", "delivered", "failed")
_DELIVERY: Final[Json] = record(
    {
        "number": COUNT,
        "event_id": TEXT,
        "type": TEXT,
        "order_id": TEXT_OR_NULL,
        "at": TIME,
        "status": one_of(_STATUSES),
        "attempts": COUNT,
        "answer": TEXT_OR_NULL,
        "next_at": TIME_OR_NULL,
    }
)
_OLDER: Final[Json] = described(PATH_OR_NULL, "the next page")

REPORT_SCHEMAS: Final[Mapping[str, Json]] = {
    "StudioHome": record(
        {
            "today": _DAYS,
            "yesterday": _DAYS,
            "week": _DAYS,
            "week_before": _DAYS,
            "attention": described(array(TEXT), "in words"),
            "best_sellers": array(SELLER),
            "latest_orders": described(array(TEXT), "their numbers"),
        }
    ),
    "StudioSellers": record(
        {
            "period": TEXT,
            "best_sellers": array(SELLER),
            "months": described(array(TEXT), "those with sales"),
        }
    ),
    "StudioDownloads": record(
        {
            "span": member_of(Span),
            "first_day": DAY,
            "last_day": DAY,
            "total": record(_DELIVERED),
            "rows": array(
                record(
                    {
                        "label": TEXT,
                        "first_day": DAY,
                        "last_day": DAY,
                        **_DELIVERED,
                    }
                )
            ),
        }
    ),
    "StudioOss": record(
        {
            "quarter": TEXT,
            "own_country": TEXT_OR_NULL,
            "sales": array(_SUM),
            "corrections": array(_SUM),
            "undecided": array(
                record(
                    {
                        **_SALE,
                        "reason": member_of(UndecidedReason),
                        "evidence": described(by_name(TEXT), "by kind"),
                    }
                )
            ),
            "undecided_count": COUNT,
            "with_one_evidence": COUNT,
            "decided": array(record({**_SALE, "decision": DECISION})),
        }
    ),
    "StudioRelease": record(
        {
            **RELEASE,
            "period": TEXT,
            "items": array(
                record(
                    {
                        "item_id": TEXT,
                        "title": TEXT,
                        "state": one_of(["offered", "hidden"]),
                        "price_minor": MINOR,
                        "sales": array(record(SOLD)),
                    }
                )
            ),
            "months": described(by_name(array(record(SOLD))), "by month"),
        }
    ),
    "StudioInvoices": record(
        {
            "period": TEXT,
            "documents": array(DOCUMENT),
            "unreadable": described(
                array(
                    record(
                        {"number": TEXT, "order_id": TEXT, "issued_at": TIME}
                    )
                ),
                "of a newer version, or damaged",
            ),
            "next": _OLDER,
        }
    ),
    "StudioDownloadList": record(
        {
            "downloads": array(
                record(
                    {
                        "order_id": TEXT,
                        "item_id": TEXT,
                        "version": TEXT,
                        "size_bytes": COUNT,
                        "delivered_bytes": COUNT,
                        "began_at": TIME,
                        "completed_at": TIME_OR_NULL,
                    }
                )
            ),
            "older": _OLDER,
        }
    ),
    "StudioRefunds": record(
        {
            "refunds": array(
                record(
                    {
                        "order_id": TEXT,
                        "item_id": described(TEXT, "empty: the whole order"),
                        "changed_at_ms": MILLISECONDS,
                        "changed_by": TEXT,
                        "reversal": or_null(REVERSAL),
                        "currency": described(TEXT, "empty: downloads ended"),
                        "revoked": BOOLEAN,
                    }
                )
            ),
            "older": _OLDER,
        }
    ),
    "StudioWithdrawals": record(
        {
            "withdrawals": array(
                record(
                    {
                        "withdrawal_id": TEXT,
                        "order_id": TEXT,
                        "stated_at_ms": MILLISECONDS,
                        "outcome": TEXT,
                        "handled_at_ms": or_null(MILLISECONDS),
                        "is_known": described(BOOLEAN, "to the ledger"),
                        "paid_minor": MINOR,
                        "refunded_minor": MINOR,
                    }
                )
            )
        }
    ),
    "LinesToEnd": record(
        {
            "order_id": TEXT,
            "item_id": described(TEXT, "empty: the whole order"),
            "undo": BOOLEAN,
            "lines": array(LINE),
        }
    ),
    "LinesEnded": record(
        {
            "order_id": TEXT,
            "lines": described(array(LINE), "as they are then"),
        }
    ),
    "StudioWebhooks": record(
        {
            "endpoints": array(
                record(
                    {
                        "endpoint": TEXT,
                        "url": TEXT,
                        "events": array(TEXT),
                        "disabled": BOOLEAN,
                        **dict.fromkeys(_STATUSES, COUNT),
                        "deliveries": array(_DELIVERY),
                    }
                )
            )
        }
    ),
    "WebhooksChanged": record(
        {"endpoint": TEXT, "done": one_of(["enable-webhook", "send-webhook"])}
    ),
}
