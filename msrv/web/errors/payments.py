# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for payments."""

from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.orders.rate_limits import TooManyLookUps, TooManyPayments
from msrv.payments import provider as payments
from msrv.web import formatting
from msrv.web.errors import (
    CART,
    CART_SAVED,
    ErrorPage,
    NoPaymentProvider,
    PaymentRefused,
    PaymentUnconfirmed,
    Table,
)

_CHECK_AGAIN: Final = ("", "Check again")


def _amount_not_taken(error: payments.AmountNotSupported) -> ErrorPage:
    return ErrorPage(
        422,
        "amount_not_taken",
        "Amount not accepted",
        f"The payment service doesn't accept {formatting.price(error.total)} "
        f"as an amount. {CART_SAVED}",
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
        "Too many payments at once",
        f"Too many payments were started from your network. {CART_SAVED} "
        "Please try again in a minute.",
        CART,
        retry_after_seconds=error.retry_after_seconds,
    )


def _too_many_look_ups(error: TooManyLookUps) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_look_ups",
        "We couldn't confirm your payment yet",
        "Too many payments were looked up from your network. Please don't "
        "pay again; reload this page in a minute.",
        _CHECK_AGAIN,
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    SpoolFailed: ErrorPage(
        503,
        "till_closed",
        "Checkout is temporarily unavailable",
        f"We can't record orders right now, so we aren't taking payments. "
        f"{CART_SAVED} Please try again in a few minutes.",
        CART,
        retry_after_seconds=120,
    ),
    NoPaymentProvider: ErrorPage(
        503,
        "cannot_be_paid",
        "Payments aren't set up yet",
        "This store can't take payments yet. Your cart is saved.",
        CART,
    ),
    PaymentRefused: ErrorPage(
        402,
        "payment_refused",
        "Payment not completed",
        f"The payment wasn't completed. {CART_SAVED}",
        CART,
    ),
    PaymentUnconfirmed: ErrorPage(
        503,
        "cannot_check",
        "We couldn't confirm your payment yet",
        "The payment service isn't responding. Please don't pay again; "
        "reload this page in a minute.",
        _CHECK_AGAIN,
        retry_after_seconds=60,
    ),
    TooManyPayments: _too_many_payments,
    TooManyLookUps: _too_many_look_ups,
    payments.ProviderUnavailable: ErrorPage(
        503,
        "payment_away",
        "Payment service unavailable",
        f"We can't reach the payment service right now. {CART_SAVED} "
        "Please try again in a few minutes.",
        CART,
        retry_after_seconds=120,
    ),
    payments.AmountNotSupported: _amount_not_taken,
    payments.NoSuchPayment: ErrorPage(
        404,
        "no_such_payment",
        "Payment not found",
        "We don't recognise this payment. If you've just paid, return to the "
        "payment page and use its link back to the store.",
        CART,
    ),
    payments.AmountMismatch: ErrorPage(
        409,
        "paid_otherwise",
        "Payment doesn't match the order",
        "The amount paid differs from the amount due, so this order wasn't "
        "completed. The store has a record of the payment and owes you a "
        "refund.",
    ),
    payments.BadWebhookSignature: ErrorPage(
        400,
        "not_signed",
        "Signature not accepted",
        "Payment notifications are accepted from the payment service only.",
    ),
    payments.InboxUnavailable: ErrorPage(
        503,
        "not_kept",
        "Temporarily unavailable",
        "This notification can't be stored right now. Please send it again "
        "later.",
        retry_after_seconds=60,
    ),
}
