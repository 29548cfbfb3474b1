"""Stripe's units for money, where they are not ISO 4217's.

https://docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal
currencies" and "Special cases".
"""

from typing import Final

from msrv.money import Money

# Krónur have no smaller part, and are sent as if they had.
_HUNDREDFOLD: Final = frozenset({"ISK"})
# Ariary have a smaller part by ISO 4217 (a fifth, in truth), not at Stripe.
_WHOLE: Final = frozenset({"MGA"})
# The last of their three decimals has to be zero.
_TENS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# UGX: one page of Stripe's says both 5 and 500 for five shillings. IQD, LYD:
# with how many decimals is not said at all.
_UNKNOWN: Final = frozenset({"UGX", "IQD", "LYD"})

MAX_AMOUNT: Final = 99_999_999
"""Eight digits, the most that Stripe takes in most currencies."""


def to_stripe(amount: Money) -> int | None:
    """Give an amount in Stripe's units; None for what it can't take."""
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
    """Read an amount in Stripe's units; `currency` in any case.

    Raises ValueError for what is no amount of ours.
    """
    code = currency.upper()
    if code in _HUNDREDFOLD:
        minor, rest = divmod(units, 100)
        if rest:
            raise ValueError(f"{units} is not a whole amount of {code}")
        return Money(minor, code)
    return Money(units * 100 if code in _WHOLE else units, code)
