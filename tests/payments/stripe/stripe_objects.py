# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stripe's objects, as its API writes them: only what is published.

Each begins from what Stripe's own fixtures have for it; `test_fake.py` holds
their members against the classes that its SDK is generated with.
"""

from fractions import Fraction
from typing import Any

Json = dict[str, Any]


def listing(data: list[Json], path: str) -> Json:
    """Return one page of a list, which is all of it."""
    return {"object": "list", "data": data, "has_more": False, "url": path}


def balance(*, live: bool) -> Json:
    """Return the balance of an account."""
    return {
        "object": "balance",
        "available": [{"amount": 0, "currency": "eur", "source_types": {}}],
        "livemode": live,
        "pending": [{"amount": 0, "currency": "eur", "source_types": {}}],
    }


def endpoint(
    number: int, url: str, events: list[str], status: str = "enabled"
) -> Json:
    """Return a webhook endpoint."""
    return {
        "id": f"we_{number:024d}",
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": 1,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": status,
        "url": url,
    }


def session(
    number: int, params: Json, base: str, now: int, *, live: bool
) -> Json:
    """Return a new Checkout Session."""
    mode = "live" if live else "test"
    session_id = f"cs_{mode}_{number:04d}{'a' * 54}"
    lines = params["line_items"]
    total = sum(
        each["quantity"] * each["price_data"]["unit_amount"] for each in lines
    )
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {
            "enabled": "automatic_tax" in params,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": now,
        "currency": lines[0]["price_data"]["currency"],
        "customer_details": {"email": params["customer_email"]}
        if "customer_email" in params
        else None,
        "customer_email": params.get("customer_email"),
        "expires_at": params["expires_at"],
        "livemode": live,
        "metadata": params.get("metadata", {}),
        "mode": params["mode"],
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "success_url": params["success_url"],
        "total_details": {
            "amount_discount": 0,
            "amount_shipping": 0,
            "amount_tax": 0,
        },
        "url": f"{base}/pay/{session_id}",
    }


def intent(number: int, of: Json, metadata: Json, status: str) -> Json:
    """The payment of a session."""
    return {
        "id": f"pi_{number:04d}{'b' * 20}",
        "object": "payment_intent",
        "amount": of["amount_total"],
        "amount_received": of["amount_total"] if status == "succeeded" else 0,
        "created": of["created"],
        "currency": of["currency"],
        "latest_charge": f"ch_{number:04d}{'c' * 20}",
        "livemode": of["livemode"],
        "metadata": metadata,
        "status": status,
    }


def customer(of: Json, country: str) -> Json:
    """Return what a session knows of the buyer who paid it."""
    return {
        "address": {
            "city": None,
            "country": country,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "business_name": None,
        "email": of["customer_email"] or "buyer@example.org",
        "individual_name": None,
        "name": "A Buyer",
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def tax(
    amount: int, percent: float, country: str, *, taxable: int, inclusive: bool
) -> Json:
    """Return a tax of a session's breakdown."""
    return {
        "amount": amount,
        "rate": {
            "id": "txr_0000000000000001",
            "object": "tax_rate",
            "active": False,
            "country": country,
            "created": 1,
            "description": None,
            "display_name": "VAT",
            "effective_percentage": percent,
            "flat_amount": None,
            "inclusive": inclusive,
            "jurisdiction": country,
            "jurisdiction_level": "country",
            "livemode": False,
            "metadata": {},
            "percentage": percent,
            "rate_type": "percentage",
            "state": None,
            "tax_type": "vat",
        },
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
    }


def add_tax(session: Json, percent: float, country: str) -> None:
    """Calculate the tax of a session, as Stripe Tax does when it is paid."""
    rate = Fraction(str(percent)) / 100
    inclusive = session["metadata"].get("msrv_tax") == "inclusive"
    total = session["amount_subtotal"]
    exact = total * rate / (1 + rate) if inclusive else total * rate
    amount = int(exact + Fraction(1, 2))
    if not inclusive:
        session["amount_total"] = total + amount
    session["automatic_tax"]["status"] = "complete"
    session["total_details"] |= {
        "amount_tax": amount,
        "breakdown": {
            "discounts": [],
            "taxes": [
                tax(
                    amount,
                    percent,
                    country,
                    taxable=total - amount if inclusive else total,
                    inclusive=inclusive,
                )
            ],
        },
    }


def charge(intent: Json, now: int, country: str | None = None) -> Json:
    """Return the charge that paid a payment, by a card of a country."""
    return {
        "id": intent["latest_charge"],
        "object": "charge",
        "amount": intent["amount"],
        "amount_refunded": 0,
        "created": now,
        "currency": intent["currency"],
        "livemode": intent["livemode"],
        "payment_intent": intent["id"],
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "country": country, "last4": "4242"},
        },
        "refunded": False,
    }


def refund(
    number: int, of: Json, amount: int, metadata: Json, now: int
) -> Json:
    """Return a refund of a payment or of a part of it."""
    return {
        "id": f"re_{number:04d}{'d' * 20}",
        "object": "refund",
        "amount": amount,
        "charge": of["latest_charge"],
        "created": now,
        "currency": of["currency"],
        "metadata": metadata,
        "payment_intent": of["id"],
        "reason": None,
        "status": "succeeded",
    }


def dispute(
    number: int, of: Json, amount: int, metadata: Json, now: int
) -> Json:
    """Return a dispute of a payment."""
    return {
        "id": f"du_{number:04d}{'e' * 20}",
        "object": "dispute",
        "amount": amount,
        "charge": of["latest_charge"],
        "created": now,
        "currency": of["currency"],
        "livemode": of["livemode"],
        "metadata": metadata,
        "payment_intent": of["id"],
        "reason": "fraudulent",
        "status": "needs_response",
    }


def event(
    number: int, kind: str, about: Json, now: int, *, live: bool
) -> Json:
    """Return an event, as the webhook receives it."""
    return {
        "id": f"evt_{number:04d}{'f' * 20}",
        "object": "event",
        "api_version": "2026-02-25.clover",
        "created": now,
        "data": {"object": about},
        "livemode": live,
        "pending_webhooks": 1,
        "request": None,
        "type": kind,
    }


def error(kind: str, code: str | None, message: str) -> Json:
    """Return the body of an error response."""
    return {"error": {"type": kind, "code": code, "message": message}}
