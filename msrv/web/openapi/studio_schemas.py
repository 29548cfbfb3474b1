# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schemas of the studio's JSON: sales, releases, orders and refunds."""

from collections.abc import Mapping
from typing import Final

from msrv.web.openapi.schema_types import (
    ADDRESS_OR_NULL,
    BOOLEAN,
    COUNT,
    CURRENCY,
    MINOR,
    MINOR_OR_NULL,
    NUMBER_OR_NULL,
    PATH,
    PATH_OR_NULL,
    SHA256,
    TEXT,
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
from msrv.web.studio.chart import Span

_KEPT: Final[Json] = described(
    {"type": "integer"}, "what is left after refunds, in minor units"
)
FIGURES: Final[Mapping[str, Json]] = {
    "orders": COUNT,
    "items": COUNT,
    "sold_minor": MINOR,
    "refunds": described({"type": "integer"}, "refunded lines"),
    "refunded_minor": {"type": "integer"},
    "kept_minor": _KEPT,
}
SOLD: Final[Mapping[str, Json]] = {
    "currency": CURRENCY,
    "sold": COUNT,
    "sold_minor": MINOR,
    "refunded": COUNT,
    "refunded_minor": MINOR,
}
DAY: Final[Json] = described(TEXT, "a day in UTC, like 2026-03-06")
_TAX: Final[Json] = or_null(
    record(
        {
            "country": described(TEXT, "by ISO 3166-1; empty if unknown"),
            "evidence": array(record({"kind": TEXT, "country": TEXT})),
            "tax_minor": MINOR_OR_NULL,
            "is_included": BOOLEAN,
            "rate_bp": described(NUMBER_OR_NULL, "basis points"),
            "jurisdiction": TEXT,
            "is_business": BOOLEAN,
        }
    )
)
DECISION: Final[Json] = described(
    or_null(
        record(
            {
                "country": TEXT,
                "rate_bp": NUMBER_OR_NULL,
                "tax_minor": MINOR,
                "decided_at": TIME,
                "decided_by": TEXT,
            }
        )
    ),
    "the country that an operator decided for the OSS report",
)
SELLER: Final[Json] = record({"item_id": TEXT, "title": TEXT, **SOLD})
LINE: Final[Json] = record(
    {
        "item_id": TEXT,
        "title": TEXT,
        "price_minor": MINOR,
        "refunded": described(BOOLEAN, "its downloads have ended"),
        "refunded_minor": MINOR,
    }
)
REVERSAL: Final[Json] = record(
    {
        "reversal_id": TEXT,
        "provider": TEXT,
        "kind": TEXT,
        "status": TEXT,
        "is_effective": BOOLEAN,
        "amount_minor": MINOR,
        "paid_minor": MINOR,
        "items": array(TEXT),
        "changed_by": TEXT,
        "reason": TEXT,
        "created_at": TIME,
        "seen_at": TIME,
    }
)
_ORDER: Final[Mapping[str, Json]] = {
    "order_id": TEXT,
    "sold_at": TIME,
    "provider": TEXT,
    "reference": described(TEXT, "the payment's, at the provider"),
    "currency": CURRENCY,
    "total_minor": MINOR,
    "refunded_minor": MINOR,
    "lines": array(LINE),
    "consent": or_null(
        record({"sha256": SHA256, "language": TEXT, "given_at": TIME})
    ),
    "tax": _TAX,
    "url": PATH,
}
MILLISECONDS: Final[Json] = described({"type": "integer"}, "Unix milliseconds")

RELEASE: Final[Mapping[str, Json]] = {
    "release_id": TEXT,
    "title": TEXT,
    "artist": TEXT,
    "state": one_of(["offered", "hidden"]),
    "price_minor": MINOR,
    "currency": CURRENCY,
    "sales": array(record(SOLD)),
    "problems": array(TEXT),
    "waiting": array(TEXT),
}

STUDIO_SCHEMAS: Final[Mapping[str, Json]] = {
    "StudioSales": record(
        {
            "span": member_of(Span),
            "first_day": DAY,
            "last_day": DAY,
            "sales": array(
                record(
                    {
                        "currency": CURRENCY,
                        "total": record(FIGURES),
                        "rows": array(
                            record(
                                {
                                    "label": TEXT,
                                    "first_day": DAY,
                                    "last_day": DAY,
                                    **FIGURES,
                                }
                            )
                        ),
                    }
                )
            ),
            "revenue": array(record({"currency": CURRENCY, **FIGURES})),
            "best_sellers": array(SELLER),
            "downloads": record({"begun": COUNT, "completed": COUNT}),
        }
    ),
    "StudioReleases": record(
        {
            "releases": array(record(RELEASE)),
            "count": COUNT,
            "problems": array(TEXT),
            "waiting": array(TEXT),
            "next": described(PATH_OR_NULL, "the next page"),
        }
    ),
    "StudioOrders": record(
        {
            "orders": array(record(_ORDER)),
            "older": described(PATH_OR_NULL, "the next page"),
        }
    ),
    "StudioOrder": record(
        {
            **_ORDER,
            "decision": DECISION,
            "receipt": described(ADDRESS_OR_NULL, "null for a token"),
            "payment_url": ADDRESS_OR_NULL,
            "links_expire_at": TIME,
            "links": described(by_name(TEXT), "by item id; none for a token"),
            "downloads": array(
                record(
                    {
                        "item_id": TEXT,
                        "version": TEXT,
                        "size_bytes": COUNT,
                        "delivered_bytes": COUNT,
                        "began_at": TIME,
                        "last_at": TIME,
                        "completed_at": TIME_OR_NULL,
                    }
                )
            ),
            "changes": array(
                record(
                    {
                        "order_id": TEXT,
                        "item_id": described(TEXT, "empty: the whole order"),
                        "revoked": BOOLEAN,
                        "changed_at_ms": MILLISECONDS,
                        "changed_by": TEXT,
                    }
                )
            ),
            "payments": array(
                record(
                    {
                        "provider": TEXT,
                        "event_id": TEXT,
                        "kind": TEXT,
                        "received_at": TIME,
                    }
                )
            ),
            "reversals": array(REVERSAL),
        }
    ),
    "RefundState": record(
        {
            "order_id": TEXT,
            "number": described(TEXT, "of the state, for the refund"),
            "currency": CURRENCY,
        },
        {
            "paid_minor": MINOR,
            "remaining_minor": MINOR,
            "lines": described(by_name(MINOR), "what is left, by item id"),
            "amount_minor": described(MINOR, "with a part: its refund"),
            "items": array(TEXT),
            "ended": described(array(TEXT), "whose downloads would end"),
        },
    ),
    "RefundMade": record(
        {
            "order_id": TEXT,
            "refunded_minor": MINOR,
            "currency": CURRENCY,
            "items": array(TEXT),
            "ended": described(array(TEXT), "whose downloads ended"),
            "repeated": described(BOOLEAN, "it had been made before"),
        }
    ),
}
