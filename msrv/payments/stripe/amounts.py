# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts in Stripe's units, which are not always those of ISO 4217.

Apart from `client`, which knows no currencies.
"""

from typing import Final

from msrv.money import Money

# Currencies whose units at Stripe are not ISO 4217's:
# https://docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal
# currencies" and "Special cases".
# Krónur have no minor unit, and are sent as if they had.
_HUNDREDFOLD: Final = frozenset({"ISK"})
# Ariary have a minor unit by ISO 4217 (in truth a fifth), not at Stripe.
_WHOLE: Final = frozenset({"MGA"})
# The last of their three decimals has to be zero.
_TENS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# UGX: one page of Stripe's says both 5 and 500 for five shillings. IQD, LYD:
# Stripe's documentation doesn't give the number of decimals.
_UNKNOWN: Final = frozenset({"UGX", "IQD", "LYD"})

MAX_AMOUNT: Final = 99_999_999
"""Eight digits, Stripe's maximum in most currencies."""


def to_stripe(amount: Money) -> int | None:
    """Return an amount in Stripe's units, None if Stripe can't charge it."""
    units: int | None = amount.minor
    if amount.currency in _UNKNOWN:
        units = None
    elif amount.currency in _HUNDREDFOLD:
        units = amount.minor * 100
    elif amount.currency in _WHOLE:
        units = None if amount.minor % 100 else amount.minor // 100
    elif amount.currency in _TENS and amount.minor % 10:
        units = None
    return units if units is not None and units <= MAX_AMOUNT else None


def from_stripe(units: int, currency: str) -> Money:
    """Return the amount that is `units` of Stripe's, in a currency.

    `currency` is in any case. Raises ValueError for an amount that Money
    can't hold.
    """
    code = currency.upper()
    if code in _HUNDREDFOLD:
        minor, rest = divmod(units, 100)
        if rest:
            raise ValueError(f"{units} is not a whole amount of {code}")
        return Money(minor, code)
    return Money(units * 100 if code in _WHOLE else units, code)
