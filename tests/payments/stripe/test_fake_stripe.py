# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The fake Stripe, compared with Stripe's SDK, which is generated."""

from typing import Any

import pytest
import stripe

from msrv.payments.stripe.webhooks import EVENT_TYPES
from tests.payments.stripe import stripe_objects
from tests.payments.stripe.form_fields import nested
from tests.payments.stripe.stripe_objects import Json

SESSION = stripe_objects.session(
    1,
    {
        "mode": "payment",
        "success_url": "https://a",
        "expires_at": 1,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": "eur", "unit_amount": 700},
            }
        ],
    },
    "https://b",
    1,
    live=False,
)
INTENT = stripe_objects.intent(2, SESSION, {}, "succeeded")
TAX = stripe_objects.tax(1, 19.0, "DE", taxable=6, inclusive=True)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (SESSION, stripe.checkout.Session),
        (INTENT, stripe.PaymentIntent),
        (stripe_objects.charge(INTENT, 1), stripe.Charge),
        (
            stripe_objects.charge(INTENT, 1)["payment_method_details"]["card"],
            stripe.Charge.PaymentMethodDetails.Card,
        ),
        (
            stripe_objects.customer(SESSION, "DE"),
            stripe.checkout.Session.CustomerDetails,
        ),
        (TAX, stripe.checkout.Session.TotalDetails.Breakdown.Tax),
        (TAX["rate"], stripe.TaxRate),
        (stripe_objects.refund(3, INTENT, 1, {}, 1), stripe.Refund),
        (stripe_objects.dispute(4, INTENT, 1, {}, 1), stripe.Dispute),
        (stripe_objects.balance(live=False), stripe.Balance),
        (
            stripe_objects.endpoint(6, "https://a", ["*"]),
            stripe.WebhookEndpoint,
        ),
        (stripe_objects.event(5, "x", {}, 1, live=False), stripe.Event),
    ],
)
def test_every_member_of_the_fake_is_in_stripes_sdk(
    made: Json, kind: type[Any]
) -> None:
    assert set(made) <= set(kind.__annotations__)


def test_every_subscribed_event_type_exists() -> None:
    hint = str(stripe.Event.__annotations__["type"])
    assert [kind for kind in EVENT_TYPES if f"'{kind}'" not in hint] == []


def test_nested_form_fields_are_parsed_in_order() -> None:
    pairs = [(f"a[{n}][quantity]", str(n)) for n in range(12)]
    assert nested([*pairs, ("b[c]", "x")]) == {
        "a": [{"quantity": n} for n in range(12)],
        "b": {"c": "x"},
    }
