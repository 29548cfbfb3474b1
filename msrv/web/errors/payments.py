"""Of paying: what is not taken, not known, or not written down."""

from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.orders.rate_limits import TooManyLookUps, TooManyPayments
from msrv.payments import provider as payments
from msrv.web import formatting
from msrv.web.errors.exceptions import (
    CannotBePaid,
    CannotCheck,
    PaymentRefused,
)
from msrv.web.errors.notice import CART, Notice, Table


def _amount_not_taken(error: payments.AmountNotSupported) -> Notice:
    return Notice(
        422,
        "amount_not_taken",
        "Not that amount",
        f"{formatting.price(error.total)} is more, or less, than the payment "
        "service takes. Nothing was paid, and your cart is kept.",
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _too_many_payments(error: TooManyPayments) -> Notice:
    return Notice(
        429,
        "too_many_payments",
        "Too many at once",
        "Too many payments were begun from your network. Nothing was paid, "
        "and your cart is kept: try again in a minute.",
        CART,
        headers={"Retry-After": str(error.retry_after_seconds)},
    )


def _too_many_look_ups(error: TooManyLookUps) -> Notice:
    return Notice(
        429,
        "too_many_look_ups",
        "Paid, perhaps",
        "Too many payments were looked up from your network, so the store "
        "can't see yet whether you have paid. Don't pay again: open this page "
        "again in a minute.",
        ("", "Look again"),
        headers={"Retry-After": str(error.retry_after_seconds)},
    )


TABLE: Final[Table] = {
    SpoolFailed: Notice(
        503,
        "till_closed",
        "The till is out of paper",
        "This store can't write down a sale right now, so it takes no money. "
        "Nothing was paid, and your cart is kept: try again in a few minutes.",
        CART,
        headers={"Retry-After": "120"},
    ),
    CannotBePaid: Notice(
        503,
        "cannot_be_paid",
        "No till yet",
        "This store has no way to take a payment yet. Your cart is kept.",
        CART,
    ),
    PaymentRefused: Notice(
        402,
        "payment_refused",
        "Not paid",
        "The payment was not made, and nothing was taken. Your cart is kept.",
        CART,
    ),
    CannotCheck: Notice(
        503,
        "cannot_check",
        "Paid, perhaps",
        "The payment service doesn't answer, so the store can't see yet "
        "whether you have paid. Don't pay again: open this page again in a "
        "minute.",
        ("", "Look again"),
        headers={"Retry-After": "60"},
    ),
    TooManyPayments: _too_many_payments,
    TooManyLookUps: _too_many_look_ups,
    payments.ProviderUnavailable: Notice(
        503,
        "payment_away",
        "The till doesn't answer",
        "The payment service can't be reached right now. Nothing was paid, "
        "and your cart is kept: try again in a few minutes.",
        CART,
        headers={"Retry-After": "120"},
    ),
    payments.AmountNotSupported: _amount_not_taken,
    payments.NoSuchPayment: Notice(
        404,
        "no_such_payment",
        "No such payment",
        "This address is of no payment to this store. If you have just paid, "
        "go back to the page that you paid at, and take its way back.",
        CART,
    ),
    payments.AmountMismatch: Notice(
        409,
        "paid_otherwise",
        "That is not the price",
        "What was paid is not what was asked, so nothing could be handed "
        "over. The store knows of it, and owes you your money.",
    ),
    payments.BadWebhookSignature: Notice(
        400,
        "not_signed",
        "Not signed",
        "Messages about payments are taken from the payment service alone.",
    ),
    payments.InboxUnavailable: Notice(
        503,
        "not_kept",
        "Say that again later",
        "This message can't be written down right now.",
        headers={"Retry-After": "60"},
    ),
}
