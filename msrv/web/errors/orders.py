"""Of what can't be ordered, or not at that price."""

from typing import Final

from msrv.orders import pricing
from msrv.orders.discount_arithmetic import DiscountError, UsesUnknown
from msrv.orders.rate_limits import TooManyGuesses, TooManyMails
from msrv.proofs.errors import QuoteExpired
from msrv.web import discounts, formatting
from msrv.web.errors.notice import CART, Notice, Table, short


def _total_changed(error: pricing.TotalChanged) -> Notice:
    return Notice(
        409,
        "total_changed",
        "The price has changed",
        f"It is {formatting.price(error.total)} now. Nothing was paid: have "
        "another look.",
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _too_many(error: pricing.TooManyItems) -> Notice:
    return Notice(
        422,
        "too_many_items",
        "That is too much at once",
        f"One order holds up to {pricing.MAX_ITEMS} items; this one has "
        f"{error.count:,}. Whole releases count as one.",
        CART,
        data={"limit": pricing.MAX_ITEMS},
    )


def _twice(error: pricing.ItemTwice) -> Notice:
    return Notice(
        422,
        "item_twice",
        "Once is enough",
        f"“{short(error.item_id)}” is in the order twice. "
        "A download needs buying only once.",
        CART,
        data={"item_id": short(error.item_id)},
    )


def _not_for_sale(error: pricing.NotForSale) -> Notice:
    return Notice(
        422,
        "not_for_sale",
        "Not for sale",
        f"This store doesn't offer “{short(error.item_id)}”. "
        "Nothing was paid.",
        data={"item_id": short(error.item_id)},
    )


def _mixed(error: pricing.MixedCurrencies) -> Notice:
    return Notice(
        422,
        "mixed_currencies",
        "Two currencies, two payments",
        f"{' and '.join(error.currencies)} can't be paid in one sum. "
        "Pay for them one after the other.",
        CART,
    )


def _out_of_bounds(error: pricing.OutOfBounds) -> Notice:
    least, most = formatting.price(error.least), formatting.price(error.most)
    return Notice(
        422,
        "out_of_bounds",
        "Your price, within reason",
        f"For “{short(error.item_id)}” it is anything from {least} to "
        f"{most}. Nothing was paid.",
        CART,
        data={
            "item_id": short(error.item_id),
            "minimum_minor": error.least.minor,
            "maximum_minor": error.most.minor,
            "currency": error.least.currency,
        },
    )


def _no_discount(error: DiscountError) -> Notice:
    return Notice(
        422,
        "no_discount",
        "No discount",
        f"{discounts.sentence(error)} Nothing was paid.",
        CART,
    )


def _uses_unknown(error: UsesUnknown) -> Notice:
    return Notice(
        503,
        "ledger_resting",
        "No discount",
        f"{discounts.sentence(error)} Nothing was paid.",
        CART,
        headers={"Retry-After": "60"},
    )


def _guesses(error: TooManyGuesses) -> Notice:
    return Notice(
        429,
        "too_many_guesses",
        "That was a few too many",
        "Too many codes were wrong. Try again in a minute.",
        CART,
        headers={"Retry-After": str(error.retry_after_seconds)},
    )


def _mails(error: TooManyMails) -> Notice:
    return Notice(
        429,
        "too_many_mails",
        "Not mailed now",
        "Too many mails were asked for, so this one wasn't sent. Nothing is "
        "lost: the receipt's address works without it. Try again in "
        f"{max(error.retry_after_seconds, 60) // 60} min.",
        headers={"Retry-After": str(error.retry_after_seconds)},
    )


TABLE: Final[Table] = {
    pricing.EmptyOrder: Notice(
        422,
        "empty_order",
        "Nothing in it",
        "An order needs at least one item.",
    ),
    pricing.TooManyItems: _too_many,
    pricing.ItemTwice: _twice,
    pricing.NotForSale: _not_for_sale,
    pricing.MixedCurrencies: _mixed,
    pricing.TotalChanged: _total_changed,
    pricing.OutOfBounds: _out_of_bounds,
    QuoteExpired: Notice(
        410,
        "quote_expired",
        "That price has lapsed",
        "It held for an hour. Nothing was paid, and your cart is kept.",
        CART,
    ),
    UsesUnknown: _uses_unknown,  # a DiscountError, too
    DiscountError: _no_discount,
    TooManyGuesses: _guesses,
    TooManyMails: _mails,
}
