# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for orders, discounts, redeem codes and mail."""

from typing import Final

from msrv.ledger.errors import AlreadyRedeemed, DatabaseError
from msrv.orders import errors as orders
from msrv.orders.errors import CampaignEnded, DiscountError
from msrv.orders.pricing import MAX_ITEMS
from msrv.orders.rate_limits import (
    TooManyGuesses,
    TooManyMails,
)
from msrv.proofs import codes
from msrv.proofs.errors import Forged
from msrv.proofs.quotes import QuoteExpired
from msrv.web import formatting
from msrv.web.errors import (
    CART,
    CART_SAVED,
    NOT_CHARGED,
    ErrorPage,
    Table,
    shortened,
)


def _minutes(seconds: int) -> str:
    count = max(seconds, 60) // 60
    return "a minute" if count == 1 else f"{count:,} minutes"


# Orders ----------------------------------------------------------------------


def _total_changed(error: orders.TotalChanged) -> ErrorPage:
    return ErrorPage(
        409,
        "total_changed",
        "The price has changed",
        f"The total is now {formatting.price(error.total)}. {NOT_CHARGED} "
        "Please review your cart.",
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _too_many_items(error: orders.TooManyItems) -> ErrorPage:
    return ErrorPage(
        422,
        "too_many_items",
        "Too many items",
        f"An order can have up to {MAX_ITEMS} items; this one has "
        f"{error.count:,}. A complete release counts as one item.",
        CART,
        data={"limit": MAX_ITEMS},
    )


def _item_twice(error: orders.DuplicateItem) -> ErrorPage:
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "item_twice",
        "Already in your order",
        f"“{item_id}” is in this order twice. You only need to buy it once.",
        CART,
        data={"item_id": item_id},
    )


def _not_for_sale(error: orders.NotForSale) -> ErrorPage:
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "not_for_sale",
        "Not for sale",
        f"This store doesn't sell “{item_id}”. {NOT_CHARGED}",
        data={"item_id": item_id},
    )


def _mixed_currencies(error: orders.MixedCurrencies) -> ErrorPage:
    return ErrorPage(
        422,
        "mixed_currencies",
        "Separate payments needed",
        f"{' and '.join(error.currencies)} can't be paid together. Please "
        "pay for each currency separately.",
        CART,
    )


def _out_of_bounds(error: orders.PriceOutOfBounds) -> ErrorPage:
    least, most = formatting.price(error.least), formatting.price(error.most)
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "out_of_bounds",
        "Please choose another price",
        f"The price of “{item_id}” can be anything from {least} to {most}. "
        f"{NOT_CHARGED}",
        CART,
        data={
            "item_id": item_id,
            "minimum_minor": error.least.minor,
            "maximum_minor": error.most.minor,
            "currency": error.least.currency,
        },
    )


# Discounts -------------------------------------------------------------------

_DISCOUNTS: Final[dict[type[DiscountError], str]] = {
    orders.NoSuchDiscount: "“{name}” isn't a valid discount code.",
    orders.DiscountNotStarted: "The discount code “{name}” isn't valid yet.",
    orders.DiscountEnded: "The discount code “{name}” has expired.",
    orders.DiscountUsedUp: "The discount code “{name}” has been used up.",
    orders.DiscountUsesUnknown: (
        "We can't check right now whether the discount code “{name}” has "
        "been used up. Please try again in a few minutes, or pay the full "
        "price."
    ),
    orders.DiscountNotApplicable: (
        "The discount code “{name}” doesn't apply to anything in your cart."
    ),
    orders.TooManyDiscountsTried: (
        "Too many discount codes were tried. Please try again in a minute."
    ),
}


def discount_message(error: DiscountError | None) -> str:
    """Return one sentence on why a discount doesn't apply; else empty."""
    if error is None:
        return ""
    return _DISCOUNTS[type(error)].format(name=error.name)


def _no_discount(error: DiscountError) -> ErrorPage:
    return ErrorPage(
        422,
        "no_discount",
        "Discount not applied",
        f"{discount_message(error)} {NOT_CHARGED}",
        CART,
    )


def _discount_uses_unknown(error: orders.DiscountUsesUnknown) -> ErrorPage:
    return ErrorPage(
        503,
        "ledger_resting",
        "Discount temporarily unavailable",
        f"{discount_message(error)} {NOT_CHARGED}",
        CART,
        retry_after_seconds=60,
    )


def _too_many_guesses(error: TooManyGuesses) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_guesses",
        "Too many attempts",
        "Too many wrong codes were entered. Please try again in a minute.",
        CART,
        retry_after_seconds=error.retry_after_seconds,
    )


# Mail ------------------------------------------------------------------------


def _too_many_mails(error: TooManyMails) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_mails",
        "Email not sent",
        "Too many emails were requested, so this one wasn't sent. Your "
        "receipt's address still works. Please try again in "
        f"{_minutes(error.retry_after_seconds)}.",
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    orders.EmptyOrder: ErrorPage(
        422,
        "empty_order",
        "Your order is empty",
        "An order needs at least one item.",
    ),
    orders.TooManyItems: _too_many_items,
    orders.DuplicateItem: _item_twice,
    orders.NotForSale: _not_for_sale,
    orders.MixedCurrencies: _mixed_currencies,
    orders.TotalChanged: _total_changed,
    orders.PriceOutOfBounds: _out_of_bounds,
    QuoteExpired: ErrorPage(
        410,
        "quote_expired",
        "This price has expired",
        f"Prices are held for an hour. {CART_SAVED} Please check out again.",
        CART,
    ),
    orders.DiscountUsesUnknown: _discount_uses_unknown,  # a DiscountError, too
    DiscountError: _no_discount,
    TooManyGuesses: _too_many_guesses,
    TooManyMails: _too_many_mails,
}


# Redeem codes ----------------------------------------------------------------


def _code_length(error: codes.WrongLength) -> ErrorPage:
    count = "1 character" if error.count == 1 else f"{error.count} characters"
    return ErrorPage(
        422,
        "code_mistyped",
        "Please check your code",
        f"A code has {codes.CODE_CHARS} letters and digits; you entered "
        f"{count}.",
    )


def _code_character(error: codes.WrongCharacter) -> ErrorPage:
    character = error.character if error.character.isprintable() else "?"
    return ErrorPage(
        422,
        "code_mistyped",
        "Please check your code",
        f"“{character}” can't be part of a code: codes contain only letters "
        "and digits.",
    )


def _too_many_codes(error: TooManyGuesses) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_guesses",
        "Too many attempts",
        "Too many wrong codes were entered. Yours hasn't been used up; "
        f"please try again in {_minutes(error.retry_after_seconds)}.",
        retry_after_seconds=error.retry_after_seconds,
    )


REDEMPTION: Final[Table] = {
    codes.WrongLength: _code_length,
    codes.WrongCharacter: _code_character,
    codes.WrongCheckCharacter: ErrorPage(
        422,
        "code_mistyped",
        "Please check your code",
        "One character is wrong, or two are swapped. Compare your code with "
        "the printed one, four characters at a time.",
    ),
    Forged: ErrorPage(
        422,
        "no_such_code",
        "Code not recognised",
        "This store has no such code, or the item that it was for is no "
        "longer available. If the printed code is exactly this, please send "
        "the store a photo of it.",
    ),
    CampaignEnded: ErrorPage(
        410,
        "code_ended",
        "This code has expired",
        "The store has ended this campaign. Purchases already made with its "
        "codes still work.",
    ),
    AlreadyRedeemed: ErrorPage(
        409,
        "code_used",
        "This code has already been used",
        "Each code works once. If you used it yourself, open the receipt that "
        "you got, or this page in the same browser.",
    ),
    DatabaseError: ErrorPage(
        503,
        "ledger_resting",
        "Codes can't be redeemed right now",
        "We can't check right now whether this code was used. It hasn't been "
        "used up; please try again in a few minutes.",
        retry_after_seconds=60,
    ),
    TooManyGuesses: _too_many_codes,
}
"""The pages of /redeem, where some errors mean something else."""
