"""A Checkout session: what is asked for, and how one that exists stands.

The signed quote goes with it as metadata, in parts, and comes back by every
way there is: nothing has to be remembered here.

https://docs.stripe.com/api/checkout/sessions/object
"""

import hashlib
import json
import re
from typing import Any, Final

from msrv.money import Money
from msrv.payments import return_addresses
from msrv.payments.errors import AmountNotTaken, NoSuchPayment
from msrv.payments.provider import (
    Bill,
    Outcome,
    Paid,
    Pending,
    Refused,
    Settled,
)
from msrv.payments.stripe.amounts import from_stripe, to_stripe
from msrv.payments.stripe.client import Json

# https://docs.stripe.com/api/metadata
_VALUE_CHARS: Final = 500
_MAX_PARTS: Final = 20
_PART: Final = "msrv_quote_{:02d}"
_TAX: Final = "msrv_tax"
MARK: Final = "msrv"
"""The metadata of a payment that says it was begun here."""
_TITLE_CHARS: Final = 200

_ID: Final = re.compile(r"cs_(live|test)_[A-Za-z0-9]{8,200}")
_FAILED: Final = frozenset({"requires_payment_method", "canceled"})
_PAID: Final = frozenset({"paid", "no_payment_required"})

RETURN_PATH: Final = "/payments/stripe/return"


def is_session_id(text: str, *, live: bool) -> bool:
    """Whether this can be a session's id, of the mode that the key has."""
    match = _ID.fullmatch(text)
    return match is not None and (match[1] == "live") is live


def return_path(session_id: str, bill: Bill) -> str:
    """Return the path that a buyer comes back to from paying a bill."""
    path = f"{RETURN_PATH}?session_id={session_id}"
    if not bill.return_mark:
        return path
    return f"{path}&{return_addresses.PARAMETER}={bill.return_mark}"


def ask(bill: Bill, *, tax: bool) -> dict[str, Any]:
    """Say what a session for a bill is to be.

    `tax` leaves the tax to Stripe. Raises AmountNotTaken for what Stripe has
    no units for.
    """
    quote = bill.quote
    behaviour = "inclusive" if bill.tax_included else "exclusive"
    mark = {MARK: quote.order_id}
    params: dict[str, Any] = {
        "mode": "payment",
        "client_reference_id": quote.order_id,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": quote.currency.lower(),
                    "unit_amount": _units(line.price_minor, quote.currency),
                    "product_data": {"name": title[:_TITLE_CHARS]},
                    **({"tax_behavior": behaviour} if tax else {}),
                },
            }
            for line, title in zip(quote.lines, bill.titles, strict=True)
        ],
        # Stripe puts the id in for the literal text in braces.
        "success_url": bill.base_url
        + return_path("{CHECKOUT_SESSION_ID}", bill),
        "cancel_url": f"{bill.base_url}/checkout",
        "expires_at": quote.expires_at,
        "metadata": {**mark, **pack(bill.token)},
        "payment_intent_data": {"metadata": mark},
    }
    if tax:
        params["automatic_tax"] = {"enabled": True}
        params["metadata"][_TAX] = behaviour
    return params


def idempotency_key(params: Json) -> str:
    """Name a session by all that it is to be.

    Two clicks ask for one session; another price asks for another.
    """
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return f"msrv-{hashlib.sha256(text.encode()).hexdigest()}"


def pack(token: str) -> dict[str, str]:
    """Cut a quote into what metadata holds. Raises ValueError."""
    parts = [
        token[at : at + _VALUE_CHARS]
        for at in range(0, len(token), _VALUE_CHARS)
    ]
    if len(parts) > _MAX_PARTS:
        raise ValueError("a quote longer than any")
    return {_PART.format(at): part for at, part in enumerate(parts)}


def unpack(metadata: Json | None) -> str | None:
    """Put a quote together again; None where there is none."""
    parts = []
    for at in range(_MAX_PARTS):
        part = (metadata or {}).get(_PART.format(at))
        if not isinstance(part, str):
            break
        parts.append(part)
    return "".join(parts) or None


def read(session: Json) -> Settled:
    """Say how a session stands. Raises NoSuchPayment for one not of ours."""
    token = unpack(session.get("metadata"))
    if token is None or session.get("mode") != "payment":
        raise NoSuchPayment
    return Settled(token, _outcome(session))


def total_of(session: Json) -> Money:
    """Give what was paid, without a tax that came on top of the prices.

    Raises NoSuchPayment where it states no amount.
    """
    units, currency = session.get("amount_total"), session.get("currency")
    if type(units) is not int or not isinstance(currency, str):
        raise NoSuchPayment
    if (session.get("metadata") or {}).get(_TAX) == "exclusive":
        details = session.get("total_details") or {}
        units -= int(details.get("amount_tax") or 0)
    try:
        return from_stripe(units, currency)
    except ValueError as error:
        raise NoSuchPayment from error


def payment_of(session: Json) -> str:
    """Give the id of a session's payment, expanded or not; empty for none."""
    intent = session.get("payment_intent")
    if isinstance(intent, dict):
        intent = intent.get("id")
    return intent or ""


def _outcome(session: Json) -> Outcome:
    if session.get("status") != "complete":
        return Refused()  # still open, or expired: nobody has paid
    if session.get("payment_status") in _PAID:
        return Paid(
            total_of(session),
            session["id"],
            payment_of(session),
            # Only what Stripe calls live is real money.
            is_test=session.get("livemode") is not True,
        )
    intent = session.get("payment_intent")
    if isinstance(intent, dict) and intent.get("status") in _FAILED:
        return Refused()
    return Pending(session["id"])


def _units(minor: int, currency: str) -> int:
    amount = Money(minor, currency)
    units = to_stripe(amount)
    if units is None:
        raise AmountNotTaken(amount)
    return units
