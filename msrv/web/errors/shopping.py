# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for orders, discounts and mail."""

from dataclasses import replace
from typing import Final

from msrv.orders import errors as orders
from msrv.orders.errors import DiscountError
from msrv.orders.pricing import MAX_ITEMS
from msrv.orders.rate_limits import (
    TooManyGuesses,
    TooManyMails,
)
from msrv.proofs.quotes import QuoteExpired
from msrv.translations import (
    format_number,
    gettext,
    gettext_noop,
    ngettext,
)
from msrv.web import formatting
from msrv.web.errors import (
    CART,
    ErrorPage,
    Table,
    shortened,
)
from msrv.web.errors.fields import bounds_sentence

# Orders ----------------------------------------------------------------------


def _total_changed(error: orders.TotalChanged) -> ErrorPage:
    return ErrorPage(
        409,
        "total_changed",
        gettext("The price has changed"),
        gettext(
            "The total is now %(total)s. You haven't been charged. Please "
            "review your cart.",
            total=formatting.price(error.total),
        ),
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
        gettext("Too many items"),
        ngettext(
            "An order can have up to %(limit)s items; this one has %(num)s. "
            "A complete release counts as one item.",
            "An order can have up to %(limit)s items; this one has %(num)s. "
            "A complete release counts as one item.",
            error.count,
            limit=format_number(MAX_ITEMS),
        ),
        CART,
        data={"limit": MAX_ITEMS},
    )


def _item_twice(error: orders.DuplicateItem) -> ErrorPage:
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "item_twice",
        gettext("Already in your order"),
        gettext(
            "“%(item)s” is in this order twice. You only need to buy it once.",
            item=item_id,
        ),
        CART,
        data={"item_id": item_id},
    )


def _not_for_sale(error: orders.NotForSale) -> ErrorPage:
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "not_for_sale",
        gettext("Not for sale"),
        gettext(
            "This store doesn't sell “%(item)s”. You haven't been charged.",
            item=item_id,
        ),
        data={"item_id": item_id},
    )


def _mixed_currencies(error: orders.MixedCurrencies) -> ErrorPage:
    return ErrorPage(
        422,
        "mixed_currencies",
        gettext("Separate payments needed"),
        gettext(
            "%(currencies)s can't be paid together. Please pay for each "
            "currency separately.",
            currencies=formatting.listed(error.currencies),
        ),
        CART,
    )


def _out_of_bounds(error: orders.PriceOutOfBounds) -> ErrorPage:
    least, most = formatting.price(error.least), formatting.price(error.most)
    item_id = shortened(error.item_id)
    return ErrorPage(
        422,
        "out_of_bounds",
        gettext("Please choose another price"),
        gettext(
            "The price of “%(item)s” can be anything from %(least)s to "
            "%(most)s. You haven't been charged.",
            item=item_id,
            least=least,
            most=most,
        ),
        CART,
        data={
            "item_id": item_id,
            "minimum_minor": error.least.minor,
            "maximum_minor": error.most.minor,
            "currency": error.least.currency,
        },
    )


def _not_payable(error: orders.PriceNotPayable) -> ErrorPage:
    page = _out_of_bounds(error)
    return replace(
        page,
        message=gettext(
            "%(reason)s You haven't been charged.",
            reason=bounds_sentence(error),
        ),
        data={**page.data, "step_minor": error.step.minor},
    )


# Discounts -------------------------------------------------------------------

_DISCOUNTS: Final[dict[type[DiscountError], str]] = {
    orders.NoSuchDiscount: gettext_noop(
        "“%(name)s” isn't a valid discount code."
    ),
    orders.DiscountNotStarted: gettext_noop(
        "The discount code “%(name)s” isn't valid yet."
    ),
    orders.DiscountEnded: gettext_noop(
        "The discount code “%(name)s” has expired."
    ),
    orders.DiscountUsedUp: gettext_noop(
        "The discount code “%(name)s” has been used up."
    ),
    orders.DiscountUsesUnknown: gettext_noop(
        "We can't check right now whether the discount code “%(name)s” has "
        "been used up. Please try again in a few minutes, or pay the full "
        "price."
    ),
    orders.DiscountNotApplicable: gettext_noop(
        "The discount code “%(name)s” doesn't apply to anything in your cart."
    ),
    orders.TooManyDiscountsTried: gettext_noop(
        "Too many discount codes were tried. Please try again in a minute."
    ),
}


def discount_message(error: DiscountError | None) -> str:
    """Return one sentence on why a discount doesn't apply; else empty."""
    if error is None:
        return ""
    return gettext(_DISCOUNTS[type(error)], name=error.name)


def _no_discount(error: DiscountError) -> ErrorPage:
    return ErrorPage(
        422,
        "no_discount",
        gettext("Discount not applied"),
        gettext(
            "%(reason)s You haven't been charged.",
            reason=discount_message(error),
        ),
        CART,
    )


def _discount_uses_unknown(error: orders.DiscountUsesUnknown) -> ErrorPage:
    return ErrorPage(
        503,
        "ledger_resting",
        gettext("Discount temporarily unavailable"),
        gettext(
            "%(reason)s You haven't been charged.",
            reason=discount_message(error),
        ),
        CART,
        retry_after_seconds=60,
    )


def _too_many_guesses(error: TooManyGuesses) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_guesses",
        gettext("Too many attempts"),
        gettext(
            "Too many wrong codes were entered. Please try again in a minute."
        ),
        CART,
        retry_after_seconds=error.retry_after_seconds,
    )


# Mail ------------------------------------------------------------------------


def _too_many_mails(error: TooManyMails) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_mails",
        gettext("Email not sent"),
        ngettext(
            "Too many emails were requested, so this one wasn't sent. Your "
            "receipt's address still works. Please try again in a minute.",
            "Too many emails were requested, so this one wasn't sent. Your "
            "receipt's address still works. Please try again in %(num)s "
            "minutes.",
            formatting.whole_minutes(error.retry_after_seconds),
        ),
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    orders.EmptyOrder: ErrorPage(
        422,
        "empty_order",
        gettext_noop("Your order is empty"),
        gettext_noop("An order needs at least one item."),
    ),
    orders.TooManyItems: _too_many_items,
    orders.DuplicateItem: _item_twice,
    orders.NotForSale: _not_for_sale,
    orders.MixedCurrencies: _mixed_currencies,
    orders.TotalChanged: _total_changed,
    orders.PriceNotPayable: _not_payable,  # before the type it derives from
    orders.PriceOutOfBounds: _out_of_bounds,
    QuoteExpired: ErrorPage(
        410,
        "quote_expired",
        gettext_noop("This price has expired"),
        gettext_noop(
            "Prices are held for an hour. You haven't been charged and your "
            "cart is saved. Please check out again."
        ),
        CART,
    ),
    orders.DiscountUsesUnknown: _discount_uses_unknown,  # a DiscountError, too
    DiscountError: _no_discount,
    TooManyGuesses: _too_many_guesses,
    TooManyMails: _too_many_mails,
}
