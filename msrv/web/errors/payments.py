# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for payments."""

from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.orders.rate_limits import TooManyLookUps, TooManyPayments
from msrv.payments import provider as payments
from msrv.translations import gettext, gettext_noop
from msrv.web import formatting
from msrv.web.errors import (
    CART,
    ErrorPage,
    NoPaymentProvider,
    PaymentRefused,
    PaymentUnconfirmed,
    Table,
)

_CHECK_AGAIN: Final = ("", gettext_noop("Check again"))


def _amount_not_taken(error: payments.AmountNotSupported) -> ErrorPage:
    return ErrorPage(
        422,
        "amount_not_taken",
        gettext("Amount not accepted"),
        gettext(
            "The payment service doesn't accept %(amount)s as an amount. "
            "You haven't been charged and your cart is saved.",
            amount=formatting.price(error.total),
        ),
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _too_many_payments(error: TooManyPayments) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_payments",
        gettext("Too many payments at once"),
        gettext(
            "Too many payments were started from your network. You haven't "
            "been charged and your cart is saved. Please try again in a "
            "minute."
        ),
        CART,
        retry_after_seconds=error.retry_after_seconds,
    )


def _too_many_look_ups(error: TooManyLookUps) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_look_ups",
        gettext("We couldn't confirm your payment yet"),
        gettext(
            "Too many payments were looked up from your network. Please don't "
            "pay again; reload this page in a minute."
        ),
        _CHECK_AGAIN,
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    SpoolFailed: ErrorPage(
        503,
        "till_closed",
        gettext_noop("Checkout is temporarily unavailable"),
        gettext_noop(
            "We can't record orders right now, so we aren't taking payments. "
            "You haven't been charged and your cart is saved. Please try "
            "again in a few minutes."
        ),
        CART,
        retry_after_seconds=120,
    ),
    NoPaymentProvider: ErrorPage(
        503,
        "cannot_be_paid",
        gettext_noop("Payments aren't set up yet"),
        gettext_noop(
            "This store can't take payments yet. Your cart is saved."
        ),
        CART,
    ),
    PaymentRefused: ErrorPage(
        402,
        "payment_refused",
        gettext_noop("Payment not completed"),
        gettext_noop(
            "The payment wasn't completed. You haven't been charged and your "
            "cart is saved."
        ),
        CART,
    ),
    PaymentUnconfirmed: ErrorPage(
        503,
        "cannot_check",
        gettext_noop("We couldn't confirm your payment yet"),
        gettext_noop(
            "The payment service isn't responding. Please don't pay again; "
            "reload this page in a minute."
        ),
        _CHECK_AGAIN,
        retry_after_seconds=60,
    ),
    TooManyPayments: _too_many_payments,
    TooManyLookUps: _too_many_look_ups,
    payments.ProviderUnavailable: ErrorPage(
        503,
        "payment_away",
        gettext_noop("Payment service unavailable"),
        gettext_noop(
            "We can't reach the payment service right now. You haven't been "
            "charged and your cart is saved. Please try again in a few "
            "minutes."
        ),
        CART,
        retry_after_seconds=120,
    ),
    payments.AmountNotSupported: _amount_not_taken,
    payments.NoSuchPayment: ErrorPage(
        404,
        "no_such_payment",
        gettext_noop("Payment not found"),
        gettext_noop(
            "We don't recognise this payment. If you've just paid, return to "
            "the payment page and use its link back to the store."
        ),
        CART,
    ),
    payments.AmountMismatch: ErrorPage(
        409,
        "paid_otherwise",
        gettext_noop("Payment doesn't match the order"),
        gettext_noop(
            "The amount paid differs from the amount due, so this order "
            "wasn't completed. The store has a record of the payment and owes "
            "you a refund."
        ),
    ),
    payments.BadWebhookSignature: ErrorPage(
        400,
        "not_signed",
        gettext_noop("Signature not accepted"),
        gettext_noop(
            "Payment notifications are accepted from the payment service only."
        ),
    ),
    payments.InboxUnavailable: ErrorPage(
        503,
        "not_kept",
        gettext_noop("Temporarily unavailable"),
        gettext_noop(
            "This notification can't be stored right now. Please send it "
            "again later."
        ),
        retry_after_seconds=60,
    ),
}
