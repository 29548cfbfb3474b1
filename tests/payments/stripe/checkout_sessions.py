# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What Stripe documents of checkout sessions: requests, lists and a page."""

import html
import re
from collections.abc import Mapping

from tests.payments.stripe import stripe_objects
from tests.payments.stripe.stripe_objects import Json

_EMAIL = re.compile(r"[!-~]{1,64}@[a-z0-9.-]{1,200}\.[a-z]{2,}")


class Refusal(Exception):
    """A request that Stripe would reject."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = stripe_objects.error(kind, code, message)


def check_email(email: str) -> None:
    """Hold an address against what Stripe accepts."""
    if not _EMAIL.fullmatch(email):
        raise Refusal(400, "email_invalid", "Invalid email address")


def check_session(params: Json, now: int) -> None:
    """Hold a request for a session against what Stripe documents."""
    metadata = params.get("metadata", {})
    if len(metadata) > 50 or any(
        len(name) > 40 or len(value) > 500 for name, value in metadata.items()
    ):
        raise Refusal(400, None, "Metadata is too large")
    if not 1800 <= params["expires_at"] - now <= 24 * 3600:
        raise Refusal(400, None, "expires_at is 30 minutes to 24 hours")
    lines = params["line_items"]
    currencies = {each["price_data"]["currency"] for each in lines}
    if len(currencies) != 1 or len(lines) > 100:
        raise Refusal(400, None, "Not one currency, or too many lines")
    for each in lines:
        product = each["price_data"]["product_data"]
        if not 1 <= len(product["name"]) <= 250:
            raise Refusal(400, None, "A product's name is 1 to 250 long")
        pictures = product.get("images", [])
        if len(pictures) > 8 or any(
            len(url) > 2048 or not url.startswith("https://")
            for url in pictures
        ):
            raise Refusal(400, "url_invalid", "Not a picture's address")
        if "automatic_tax" in params and each["price_data"].get(
            "tax_behavior"
        ) not in {"exclusive", "inclusive"}:
            raise Refusal(400, None, "Automatic tax needs a tax_behavior")
    if params.get("billing_address_collection", "auto") not in {
        "auto",
        "required",
    }:
        raise Refusal(400, None, "Not a way to collect an address")
    check_email(params.get("customer_email", "a@b.example"))


def expanded(
    session: Json,
    query: Mapping[str, str],
    at: str,
    *,
    intents: Mapping[str, Json],
    charges: Mapping[str, Json],
) -> Json:
    """Return a session with the objects that a request expands."""
    wanted = {
        value for name, value in query.items() if name.startswith("expand[")
    }
    charge = f"{at}payment_intent.latest_charge"
    breakdown = f"{at}total_details.breakdown"
    if wanted - {charge, breakdown}:
        raise Refusal(400, None, "This property cannot be expanded")
    found = dict(session)
    if breakdown not in wanted:
        found["total_details"] = {
            name: value
            for name, value in found["total_details"].items()
            if name != "breakdown"
        }
    if charge in wanted and found["payment_intent"]:
        intent = dict(intents[found["payment_intent"]])
        intent["latest_charge"] = charges[intent["latest_charge"]]
        found["payment_intent"] = intent
    return found


def page_of(
    found: list[Json], query: Mapping[str, str]
) -> tuple[list[Json], bool]:
    """Return the page of a list that is requested, and if there is more."""
    after = query.get("starting_after")
    if after is not None:
        found = found[[each["id"] for each in found].index(after) + 1 :]
    limit = int(query["limit"])
    if not 1 <= limit <= 100:
        raise Refusal(400, None, "Limit is 1 to 100")
    return found[:limit], len(found) > limit


def payment_page(session: Json) -> str:
    """Return the page that a buyer pays at."""
    cancel = html.escape(session["cancel_url"])
    return (
        "<!doctype html><html lang=en><title>Pay</title>"
        f"<h1>Pay {session['amount_total']} {session['currency']}</h1>"
        "<form method=post><button name=how value=pay>Pay</button>"
        "<button name=how value=later>Pay by bank debit</button>"
        f"</form><a href='{cancel}'>Back</a>"
    )
