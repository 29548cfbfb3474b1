# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checkout Sessions: the parameters of a new one, the status of an old one.

The signed quote is stored in the session's metadata, in parts, and is
returned with every answer and webhook: the store keeps no state of its own.

https://docs.stripe.com/api/checkout/sessions/object
"""

import hashlib
import json
import re
from typing import Any, Final

from msrv.money import Money
from msrv.payments import return_addresses
from msrv.payments.provider import (
    AmountNotSupported,
    NoSuchPayment,
    Outcome,
    Paid,
    PaymentRequest,
    PaymentStatus,
    Pending,
    Refused,
)
from msrv.payments.stripe import taxes
from msrv.payments.stripe.amounts import from_stripe, to_stripe
from msrv.payments.stripe.client import Json

# https://docs.stripe.com/api/metadata
_VALUE_CHARS: Final = 500
_MAX_PARTS: Final = 20
_PART: Final = "msrv_quote_{:02d}"
_TIME: Final = "msrv_time"
_OF_PAYMENT: Final = "payment"
"""Value of `msrv_time` if the receipt states the time of the payment. Those of
earlier sessions state the quote's, and have to stay the same."""
MARK: Final = "msrv"
"""Metadata key of payments that this store started."""
EMAIL: Final = "customer_email"
"""Parameter with the buyer's address."""
_TITLE_CHARS: Final = 200
# https://docs.stripe.com/api/checkout/sessions/create
_EMAIL_CHARS: Final = 800
_PICTURE_CHARS: Final = 2048

_ID: Final = re.compile(r"cs_(live|test)_[A-Za-z0-9]{8,200}")
_FAILED: Final = frozenset({"requires_payment_method", "canceled"})
_PAID: Final = frozenset({"paid", "no_payment_required"})

RETURN_PATH: Final = "/payments/stripe/return"


def is_session_id(text: str, *, live: bool) -> bool:
    """Return whether this can be a session's id, in the key's mode."""
    match = _ID.fullmatch(text)
    return match is not None and (match[1] == "live") is live


def return_path(session_id: str, payment: PaymentRequest) -> str:
    """Return the path that a buyer returns to from Stripe's page."""
    path = f"{RETURN_PATH}?session_id={session_id}"
    if not payment.return_tag:
        return path
    return f"{path}&{return_addresses.PARAMETER}={payment.return_tag}"


def session_params(payment: PaymentRequest, *, tax: bool) -> dict[str, Any]:
    """Return the parameters of a session for a payment.

    `tax` leaves the tax to Stripe. Raises AmountNotSupported.
    """
    quote = payment.quote
    behaviour = taxes.INCLUSIVE if payment.tax_included else taxes.EXCLUSIVE
    mark = {MARK: quote.order_id}
    pictures = payment.pictures or ("",) * len(quote.lines)
    params: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": quote.order_id,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": quote.currency.lower(),
                    "unit_amount": _units(line.price_minor, quote.currency),
                    "product_data": _product(title, picture),
                    **({"tax_behavior": behaviour} if tax else {}),
                },
            }
            for line, title, picture in zip(
                quote.lines, payment.titles, pictures, strict=True
            )
        ],
        # Stripe replaces the literal text in braces by the id.
        "success_url": payment.base_url
        + return_path("{CHECKOUT_SESSION_ID}", payment),
        "cancel_url": f"{payment.base_url}/checkout",
        "expires_at": quote.expires_at,
        "metadata": {**mark, _TIME: _OF_PAYMENT, **pack(payment.token)},
        "payment_intent_data": {"metadata": mark},
    }
    # Stripe's form shows it, and knows only addresses in ASCII.
    if quote.mail.isascii() and 0 < len(quote.mail) <= _EMAIL_CHARS:
        params[EMAIL] = quote.mail
    if tax:
        params["automatic_tax"] = {"enabled": True}
        params["metadata"][taxes.BEHAVIOUR] = behaviour
    if payment.address_required:
        params["billing_address_collection"] = "required"
    return params


def _product(title: str, picture: str) -> dict[str, Any]:
    """Return what the payment page shows of a line."""
    shown = picture if len(picture) <= _PICTURE_CHARS else ""
    return {
        "name": title[:_TITLE_CHARS],
        **({"images": [shown]} if shown else {}),
    }


def idempotency_key(params: Json) -> str:
    """Return an idempotency key, the digest of all parameters.

    Two clicks ask for one session; another price asks for another.
    """
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return f"msrv-{hashlib.sha256(text.encode()).hexdigest()}"


def pack(token: str) -> dict[str, str]:
    """Split a quote into metadata values. Raises ValueError if too long."""
    parts = [
        token[at : at + _VALUE_CHARS]
        for at in range(0, len(token), _VALUE_CHARS)
    ]
    if len(parts) > _MAX_PARTS:
        raise ValueError("the quote is too long")
    return {_PART.format(at): part for at, part in enumerate(parts)}


def unpack(metadata: Json | None) -> str | None:
    """Return the quote from metadata, None if there is none."""
    parts = []
    for at in range(_MAX_PARTS):
        part = (metadata or {}).get(_PART.format(at))
        if not isinstance(part, str):
            break
        parts.append(part)
    return "".join(parts) or None


def parse_session(session: Json) -> PaymentStatus:
    """Return the status of a session. Raises NoSuchPayment if not ours."""
    token = unpack(session.get("metadata"))
    if token is None or session.get("mode") != "payment":
        raise NoSuchPayment
    return PaymentStatus(token, _outcome(session))


def total_of(session: Json) -> Money:
    """Return the amount paid, without a tax that was added to the prices.

    Raises NoSuchPayment where the session has no amount.
    """
    units, currency = session.get("amount_total"), session.get("currency")
    if type(units) is not int or not isinstance(currency, str):
        raise NoSuchPayment
    metadata = session.get("metadata") or {}
    if metadata.get(taxes.BEHAVIOUR) == taxes.EXCLUSIVE:
        details = session.get("total_details") or {}
        units -= int(details.get("amount_tax") or 0)
    try:
        return from_stripe(units, currency)
    except ValueError as error:
        raise NoSuchPayment from error


def payment_of(session: Json) -> str:
    """Return the id of a session's payment, expanded or not; empty if none."""
    intent = session.get("payment_intent")
    if isinstance(intent, dict):
        intent = intent.get("id")
    return intent or ""


def _outcome(session: Json) -> Outcome:
    if session.get("status") != "complete":
        return Refused()  # still open, or expired: not paid
    if session.get("payment_status") in _PAID:
        return Paid(
            total_of(session),
            session["id"],
            payment_of(session),
            # Only a live-mode payment moves money.
            is_test=session.get("livemode") is not True,
            paid_at=paid_at(session),
            tax=taxes.sale_tax(session),
        )
    intent = session.get("payment_intent")
    if isinstance(intent, dict) and intent.get("status") in _FAILED:
        return Refused()
    return Pending(session["id"])


def paid_at(session: Json) -> int | None:
    """Return when a session was paid, None if its receipt doesn't say so.

    It is when the charge was made that paid it; of what takes days, when the
    buyer agreed to it. A payment has one such charge, which never changes.
    """
    if (session.get("metadata") or {}).get(_TIME) != _OF_PAYMENT:
        return None
    intent = session.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return int(charge["created"]) if isinstance(charge, dict) else None


def _units(minor: int, currency: str) -> int:
    amount = Money(minor, currency)
    units = to_stripe(amount)
    if units is None:
        raise AmountNotSupported(amount)
    return units
