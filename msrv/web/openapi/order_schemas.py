# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schemas of purchases: cart, checkout, payments, receipts and gifts."""

from collections.abc import Mapping
from typing import Final

from msrv.ledger.withdrawals.events import WithdrawalOutcome
from msrv.orders.refunds.ended_lines import EndReason
from msrv.proofs.pasted_proofs import ProofKind
from msrv.web.openapi.schema_types import (
    ADDRESS,
    ADDRESS_OR_NULL,
    BOOLEAN,
    COUNT,
    MINOR,
    PRICE,
    SHA256,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    TOTAL,
    Json,
    array,
    by_name,
    described,
    member_of,
    one_of,
    or_null,
    record,
    reference,
)

_FILE: Final[Mapping[str, Json]] = {
    "size_bytes": COUNT,
    "media_type": TEXT,
    "sha256": SHA256,
}
_CART: Final[Mapping[str, Json]] = {
    "items": array(record({"item_id": TEXT, "title": TEXT, **PRICE})),
    "totals": array(record(TOTAL)),
    "summary": TEXT,
}
_WORDING: Final[Mapping[str, Json]] = {
    "text": TEXT,
    "language": TEXT,
    "sha256": SHA256,
}
_MAIL: Final[Mapping[str, Json]] = {
    "mail": one_of(["on its way", "not sent"]),
    "mail_retry_after": described(
        COUNT, "seconds until a mail can be requested again"
    ),
}
_DISCOUNT: Final[Json] = record(
    {
        "code": TEXT,
        "totals": array(record({"off_minor": MINOR, **TOTAL})),
    },
    {"message": described(TEXT, "why the code doesn't apply")},
)
_GIVEN_CONSENT: Final[Json] = or_null(record({**_WORDING, "given_at": TIME}))
_OF_A_LINK: Final[Mapping[str, Json]] = {
    "formats": array(reference("Format")),
    "waveform": described(ADDRESS_OR_NULL, "the picture of a track's sound"),
}
_RECEIPT_ITEM: Final[Json] = record(
    {
        "item_id": TEXT,
        "title": TEXT,
        "price_minor": MINOR,
        "available": BOOLEAN,
        "refunded": BOOLEAN,
        "ended": or_null(
            described(member_of(EndReason), "why it has no link any more")
        ),
        "download": ADDRESS_OR_NULL,
    },
    {
        **_FILE,
        **_OF_A_LINK,
        "parts": array(
            record(
                {
                    "item_id": TEXT,
                    "title": TEXT,
                    **_FILE,
                    "download": ADDRESS,
                    **_OF_A_LINK,
                }
            )
        ),
    },
)

ORDER_SCHEMAS: Final[Mapping[str, Json]] = {
    "Cart": record(_CART, {"discount": _DISCOUNT}),
    "Checkout": record(
        {
            **_CART,
            "orders": array(
                record(
                    {
                        "items": array(TEXT),
                        **TOTAL,
                        "providers": described(
                            array(TEXT), "payment providers to choose from"
                        ),
                    }
                )
            ),
        },
        {
            "discount": _DISCOUNT,
            "consent": record({**_WORDING, "required": BOOLEAN}),
        },
    ),
    "Purchase": {
        "description": "the receipt, or the bill of a gift for its payer",
        "anyOf": [
            record(
                {
                    "receipt": ADDRESS,
                    "downloads": by_name(ADDRESS),
                    "order_id": TEXT,
                },
                _MAIL,
            ),
            record({"bill": ADDRESS, "order_id": TEXT}, _MAIL),
        ],
    },
    "PayAt": record(
        {"pay_at": described(ADDRESS, "where a person has to pay")}
    ),
    "Format": record(
        {
            "format": TEXT,
            "label": TEXT,
            "media_type": TEXT,
            "player_type": TEXT,
            "size_bytes": COUNT,
            "sha256": SHA256,
            "download": ADDRESS,
        }
    ),
    "Receipt": record(
        {
            "receipt": described(ADDRESS, "its own address"),
            "jws": described(TEXT, "the same, signed (RFC 7515)"),
            "order_id": TEXT,
            "issued_at": TIME,
            "provider": TEXT,
            **TOTAL,
            "links_expire_at": TIME,
            "consent": _GIVEN_CONSENT,
            "thanks": described(array(TEXT), "Markdown"),
            "items": array(_RECEIPT_ITEM),
            "downloads": by_name(ADDRESS),
        }
    ),
    "Bill": record(
        {
            "bill": ADDRESS,
            "order_id": TEXT,
            "issued_at": TIME,
            **TOTAL,
            "sent_to": described(TEXT_OR_NULL, "a masked address"),
            "receipt": ADDRESS,
        }
    ),
    "GiftCard": record({"receipt": ADDRESS, "note": TEXT}),
    "Proof": record(
        {"valid": {"type": ["boolean", "null"]}},
        {
            "kind": member_of(ProofKind),
            "order_id": TEXT,
            "items": array(
                record(
                    {
                        "item_id": TEXT,
                        "title": TEXT_OR_NULL,
                        "available": BOOLEAN,
                        "refunded": BOOLEAN,
                    }
                )
            ),
            "issued_at": TIME,
            "expires_at": TIME_OR_NULL,
            "expired": BOOLEAN,
            **TOTAL,
            "consent": _GIVEN_CONSENT,
        },
    ),
    "MailQueued": record({"mail": one_of(["on its way"])}),
    "LostForm": record({"available": BOOLEAN}),
    "LostQueued": record({"status": one_of(["queued"])}),
    "Withdrawal": record(
        {
            "order_id": TEXT_OR_NULL,
            "received_at": TIME_OR_NULL,
            "outcome": or_null(member_of(WithdrawalOutcome)),
            "next": described(
                or_null(one_of(["state", "confirm"])), "the step to take"
            ),
        }
    ),
    "Corrections": record({"order_id": TEXT, "asked": BOOLEAN}),
    "RedeemForm": record({"code": TEXT}),
    "Quote": record({"quote_id": TEXT, **TOTAL, "expires_at": TIME}),
    "Pending": record({"status": one_of(["pending"]), **TOTAL}),
    "Webhook": record(
        {"kept": described(BOOLEAN, "true if the event is about an order")}
    ),
}
