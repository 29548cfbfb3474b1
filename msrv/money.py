# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of money: integer minor units and an ISO 4217 currency.

There are no floats. Text is parsed strictly: an amount with more decimals than
its currency has is an error, and never rounded.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# ISO 4217, currencies whose minor unit is not a hundredth.
# https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html
_ZERO: Final = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF "
    "XPF".split()
)
_THREE: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_TWO: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL "
    "BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP "
    "ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN "
    "PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES "
    "WST XCD YER ZAR ZMW ZWG".split()
)
_EXPONENTS: Final = (
    dict.fromkeys(_ZERO, 0) | dict.fromkeys(_TWO, 2) | dict.fromkeys(_THREE, 3)
)

# Payment services charge no smaller parts of these currencies: a hundredth of
# a dinar, a whole ariary. https://docs.stripe.com/currencies, "Three-decimal
# currencies" and "Zero-decimal currencies".
_STEPS: Final = dict.fromkeys(_THREE, 10) | {"MGA": 100}

# Only symbols of a single currency; other currencies are written as codes.
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$", "KRW": "₩"}

_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.([0-9]+))?")

MAX_MINOR: Final = 10**11
"""Above any price of a download, and far below the limit of JSON numbers."""


_MAX_TEXT: Final = 40


class NotMoney(ValueError):
    """A text or number that is not an amount in this currency."""


class UnfitAmount(NotMoney):
    """An amount with too many decimals for the currency, or over MAX_MINOR."""


@dataclass(frozen=True, slots=True)
class Money:
    """A non-negative amount, in minor units of a currency.

    >>> str(Money(700, "EUR"))
    '€7.00'
    """

    minor: int
    currency: str

    def __str__(self) -> str:
        """Return the symbol or the code of the currency, and the amount."""
        space = " " if self.symbol == self.currency else ""
        return f"{self.symbol}{space}{self.decimal}"

    @property
    def symbol(self) -> str:
        """Symbol of the currency; its code where it has none of its own."""
        return _SYMBOLS.get(self.currency, self.currency)

    @property
    def decimal(self) -> str:
        """Amount in major units, with all its decimals: `7.00`."""
        exponent = exponent_of(self.currency)
        if exponent == 0:
            return str(self.minor)
        whole, part = divmod(self.minor, 10**exponent)
        return f"{whole}.{part:0{exponent}d}"


def exponent_of(currency: str) -> int:
    """Return the number of decimals of an ISO 4217 currency.

    Raises NotMoney for an unknown code.
    """
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise NotMoney(
            f"{currency!r} is not an ISO 4217 currency code like 'EUR'"
        ) from None


def payable_step(currency: str) -> int:
    """Return the minor units of which a payable amount is a multiple.

    >>> payable_step("EUR"), payable_step("KWD")
    (1, 10)
    """
    return _STEPS.get(currency, 1)


def parse(amount: object, currency: str) -> Money:
    """Parse an amount in major units: `"7.00"`, `7` or Decimal("7.5").

    Raises NotMoney for anything else: a float, a negative, too many
    decimals, an amount over MAX_MINOR minor units.
    """
    exponent = exponent_of(currency)
    if isinstance(amount, bool) or not isinstance(amount, int | str | Decimal):
        raise NotMoney(
            f"{repr(amount)[:_MAX_TEXT]} is not an amount like '7.00'"
        )
    text = _with_all_digits(amount)
    match = _AMOUNT.fullmatch(text)
    if match is None or len(text) > _MAX_TEXT:
        raise NotMoney(f"{text[:_MAX_TEXT]!r} is not an amount like '7.00'")
    if len(match[1] or "") > exponent:
        raise UnfitAmount(f"{text!r} has more decimals than {currency} has")
    minor = int(Decimal(text).scaleb(exponent))
    if minor > MAX_MINOR:
        raise UnfitAmount(f"{text!r} is too high a price for a download")
    return Money(minor, currency)


def parse_typed(text: str, currency: str) -> Money:
    """Parse an amount as people type it: ` 7,50 `, `7.5`, `€7`, in any digits.

    The decimals may follow one comma or point; other separators are errors.
    An amount with more decimals than the currency has, such as `1,000`, is
    rejected rather than guessed. Raises NotMoney.
    """
    plain = "".join(
        str(unicodedata.decimal(each)) if each.isdecimal() else each
        for each in text[:_MAX_TEXT]
        if not each.isspace()
    )
    for point in (",", "\N{ARABIC DECIMAL SEPARATOR}"):
        plain = plain.replace(point, ".")
    for symbol in (_SYMBOLS.get(currency, currency), currency):
        plain = plain.removeprefix(symbol).removesuffix(symbol)
    whole, dot, part = plain.partition(".")
    if not whole and not part:
        raise NotMoney(f"{text[:_MAX_TEXT]!r} is not an amount like '7.00'")
    return parse((whole.lstrip("0") or "0") + dot + part, currency)


def split(minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to weights; the shares' sum is the amount.

    The largest remainders are rounded up. No share exceeds its weight if the
    amount doesn't exceed their sum. Where no weight is above zero, the first
    share is everything.

    >>> split(100, [1, 1, 1])
    [34, 33, 33]
    """
    total = sum(weights)
    if not total:
        return [minor, *[0] * (len(weights) - 1)] if weights else []
    shares = [minor * each // total for each in weights]
    by_rest = sorted(
        range(len(weights)),
        key=lambda at: (-(minor * weights[at] % total), at),
    )
    for at in by_rest[: minor - sum(shares)]:
        shares[at] += 1
    return shares


def _with_all_digits(amount: int | str | Decimal) -> str:
    """Return a number with all its digits, unless they are far too many."""
    if isinstance(amount, str):
        return amount
    number = Decimal(amount)
    # 1e999999999 has eleven characters in a file, and a gigabyte here.
    if abs(number.adjusted()) > _MAX_TEXT:
        return str(number)
    return format(number, "f")
