# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of money as a language writes them, by CLDR: `€7.00`, `7,00 €`.

Apart from the texts: pages and mails need it, and few commands.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.numbers import format_currency, format_percent

from msrv.money import Money, NotMoney
from msrv.translations import (
    current_language,
    format_number,
    gettext,
    locale,
)
from msrv.translations.negotiation import FORMATS

_LETTER_THEN_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")


@lru_cache(maxsize=4096)
def format_price(minor: int, currency: str, language: str) -> str:
    """Return an amount with all its decimals, in one of FORMATS."""
    amount = Money(minor, currency)
    text = format_currency(
        Decimal(amount.decimal),
        currency,
        locale=locale(language),
        # ISO 4217's digits, like the amount that is paid; CLDR rounds some.
        currency_digits=False,
        format=_pattern(language, len(amount.decimal.partition(".")[2])),
        numbering_system="default",
    )
    # CLDR's rule for a code of letters beside a number, which Babel lacks.
    return _LETTER_THEN_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def format_amount(minor: int, currency: str) -> str:
    """Return an amount, which may be negative, in the current language."""
    try:
        text = format_price(abs(minor), currency, current_language().formats)
    except NotMoney:
        # A currency that only another version of the store accepts.
        text = gettext(
            "%(currency)s %(number)s minor units",
            currency=currency,
            number=format_number(abs(minor)),
        )
    return f"−{text}" if minor < 0 else text  # noqa: RUF001 - a minus


def format_rate(rate_bp: int) -> str:
    """Return a rate of basis points as a percentage: `19%`, `25,5 %`."""
    return format_percent(
        Decimal(rate_bp) / 10_000,
        locale=locale(current_language().formats),
        decimal_quantization=False,
        numbering_system="default",
    )


@lru_cache(maxsize=4 * len(FORMATS))
def _pattern(language: str, decimals: int) -> str:
    """Return a language's money pattern, with that many decimals."""
    pattern = locale(language).currency_formats["standard"].pattern
    positive = str(pattern).partition(";")[0]
    cut = "." + "0" * decimals if decimals else ""
    return positive.replace(".00", cut)
