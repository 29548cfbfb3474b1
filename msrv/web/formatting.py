"""Prices as the visitor's language writes them: `€7.00`, `7,00 €`, `€ 7,00`.

The pages' words are English; a price is read wherever it is read, and 1.000
is a thousand in one place and one in another. CLDR, by way of Babel, knows
how each writes it. What was asked for belongs to the request under way: a
context variable carries it past the templates, whose macros know of nobody.
"""

import re
from contextvars import ContextVar
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.numbers import format_currency

from msrv.money import Money

USUAL: Final = "en"
# A language takes up to a megabyte when it is first asked for, and each price
# page is kept once for each: so it is those that visitors have, not all 1000
# that there are.
LANGUAGES: Final = tuple(
    "en en_GB en_CA en_AU en_IN de de_AT de_CH fr fr_CA fr_CH es es_MX pt "
    "pt_PT it nl sv nb da fi is pl cs sk hu ro bg el tr uk ru he ar fa hi th "
    "vi id ja ko zh zh_TW ca hr sl lt lv et".split()
)
_SAME: Final = {
    "no": "nb",
    "nn": "nb",
    "iw": "he",
    "in": "id",
    "zh_hant": "zh_TW",
    "zh_hk": "zh_TW",
}
_BY_NAME: Final = {each.lower(): each for each in LANGUAGES} | _SAME
_LETTER_THEN_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)")
_MAX_HEADER: Final = 200
_MAX_RANGES: Final = 12

_HEARD: Final[ContextVar[str]] = ContextVar("accept_language", default="")


def hear(header: str) -> None:
    """Take what the request under way says in `Accept-Language`."""
    _HEARD.set(header[:_MAX_HEADER])


def current() -> str:
    """Name the language of the request under way, as CLDR does."""
    return choose(_HEARD.get())


def price(amount: Money) -> str:
    """Write an amount for the visitor of the request under way."""
    return written(amount.minor, amount.currency, current())


def typed(amount: Money) -> str:
    """Write an amount as that visitor would type it: `8,00`."""
    point = _locale(current()).number_symbols["latn"]["decimal"]
    return amount.decimal.replace(".", str(point))


@lru_cache(maxsize=512)
def choose(header: str) -> str:
    """Choose among LANGUAGES by RFC 9110, section 12.5.4.

    What can't be read is passed over; English where nothing fits.
    """
    wanted: list[tuple[float, str]] = []
    for entry in header.split(",")[:_MAX_RANGES]:
        tag, _, parameter = entry.partition(";")
        quality = _quality(parameter.strip())
        name = tag.strip().replace("-", "_")
        if name and quality > 0:
            wanted.append((-quality, name))
    wanted.sort(key=lambda each: each[0])  # stable: as they were written
    for _, name in wanted:
        # zh_Hant_TW, then zh_TW, then zh_Hant, then zh.
        first, *rest = name.split("_")
        tries = [name, *(f"{first}_{each}" for each in reversed(rest)), first]
        for each in tries:
            found = _BY_NAME.get(each.lower())
            if found is not None:
                return found
    return USUAL


@lru_cache(maxsize=4096)
def written(minor: int, currency: str, language: str) -> str:
    """Write an amount with all its decimals, in a language of LANGUAGES."""
    amount = Money(minor, currency)
    text = format_currency(
        Decimal(amount.decimal),
        currency,
        locale=_locale(language),
        # Ours are ISO 4217's, as the amount that is paid; CLDR rounds some.
        currency_digits=False,
        format=_pattern(language, len(amount.decimal.partition(".")[2])),
        numbering_system="default",
    )
    # CLDR's rule for a code of letters beside a number, which Babel lacks.
    return _LETTER_THEN_DIGIT.sub("\N{NO-BREAK SPACE}", text)


@lru_cache(maxsize=len(LANGUAGES))
def _locale(language: str) -> Locale:
    return Locale.parse(language)


@lru_cache(maxsize=4 * len(LANGUAGES))
def _pattern(language: str, decimals: int) -> str:
    """Give a language's pattern for money, with that many decimals."""
    pattern = _locale(language).currency_formats["standard"].pattern
    positive = str(pattern).partition(";")[0]
    cut = "." + "0" * decimals if decimals else ""
    return positive.replace(".00", cut)


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if not parameter:
        return 1.0
    try:
        quality = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
