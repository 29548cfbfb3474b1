# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of `store.toml` and `release.toml`, with their rules in words.

Apart from the models for the sake of reading: a rule is half a sentence on
its key, which a seller sees. Prices are in the currency that is the context
of the validation.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo

from msrv import money
from msrv.display_text import MAX_CHARS, clean_line
from msrv.money import Money, NotMoney, UnfitAmount
from msrv.proofs.orders import is_item_id
from msrv.toml_file import requirement
from msrv.translations.catalogs import NAMES

_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_MAX_QUOTED: Final = 40
_MAX_LONG_TEXT: Final = 20_000
"""Characters of a description."""
_MAX_NOTE: Final = 5_000
"""Characters of a thank-you note, which is mailed with each receipt."""
_MAX_USES: Final = 10**9


def is_date(text: str) -> bool:
    """Return whether this is an ISO 8601 year, month or day that exists."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01-01"[len(text) - len("2026") :])
    except ValueError:
        return False
    return True


def _clean_lines(text: str) -> str:
    lines = (clean_line(line, _MAX_LONG_TEXT) for line in text.split("\n"))
    return "\n".join(lines).strip()


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not is_item_id(value):
        raise ValueError(
            "must be up to 32 characters of a-z, 0-9 and -, like 'night-bus'"
        )
    return value


def _checked_ids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of ids, like ['night-bus']")
    for each in value:
        if not isinstance(each, str) or not is_item_id(each):
            raise ValueError(f"must be a list of ids, and {each!r} is not one")
    return tuple(value)


def _checked_currency(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a currency code like 'EUR'")
    try:
        money.exponent_of(value)
    except NotMoney:
        raise ValueError(
            f"must be a currency code like 'EUR', not {value!r}"
        ) from None
    return value


def currency_of(value: object, usual: str) -> str:
    """Return a file's currency, or the usual one where it isn't valid."""
    try:
        return _checked_currency(value)
    except ValueError:
        return usual


def _parsed_price(value: object, info: ValidationInfo) -> Money:
    try:
        return money.parse(value, str(info.context))
    except UnfitAmount as error:
        raise ValueError(f"must be a price like '7.00', and {error}") from None
    except NotMoney:
        quoted = repr(value)[:_MAX_QUOTED]
        raise ValueError(
            f"must be a price like '7.00', not {quoted}"
        ) from None


def _checked_date(value: object) -> str:
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if type(value) in {str, int} and is_date(str(value)):
        return str(value)
    raise ValueError("must be a year, a month or a day, like '2026-03-06'")


def _first_second(value: object) -> int:
    """Return the first second of a day, UTC."""
    midnight = datetime.combine(_parsed_day(value), time(), UTC)
    return int(midnight.timestamp())


def _second_after(value: object) -> int:
    """Return the first second after a day, UTC."""
    return _first_second(value) + int(timedelta(days=1).total_seconds())


def _parsed_day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("must be a day, like '2026-03-31'")


Line = Annotated[str, Field(max_length=MAX_CHARS), AfterValidator(clean_line)]
LongText = Annotated[
    str, Field(max_length=_MAX_LONG_TEXT), AfterValidator(_clean_lines)
]
Note = Annotated[
    str, Field(max_length=_MAX_NOTE), AfterValidator(_clean_lines)
]
ItemId = Annotated[str, PlainValidator(_checked_id)]
ItemIds = Annotated[tuple[str, ...], PlainValidator(_checked_ids)]
Currency = Annotated[str, PlainValidator(_checked_currency)]
Price = Annotated[Money, PlainValidator(_parsed_price)]
ReleaseDate = Annotated[str, PlainValidator(_checked_date)]
StartOfDay = Annotated[int, PlainValidator(_first_second)]
EndOfDay = Annotated[int, PlainValidator(_second_after)]
Colour = Annotated[
    str,
    Field(pattern="^#[0-9a-fA-F]{6}$"),
    AfterValidator(str.lower),
    requirement("must be a colour like '#ff3b30'"),
]
TextLanguage = Annotated[
    str,
    Field(pattern=f"^({'|'.join(NAMES)})$"),
    requirement(f"must be one of {', '.join(map(repr, NAMES))}"),
]
TrackNumber = Annotated[
    int,
    Field(gt=0, lt=10_000),
    requirement("must be a number from 1 to 9999"),
]
Percent = Annotated[
    int,
    Field(ge=1, le=100),
    requirement("must be a whole number from 1 to 100"),
]
Uses = Annotated[
    int,
    Field(ge=1, le=_MAX_USES),
    requirement("must be the number of times it can be used: 1 or more"),
]
DiscountName = Annotated[
    str,
    Field(pattern="^[A-Z0-9][A-Z0-9-]{2,23}$"),
    requirement("must be a code: 3 to 24 of A-Z, 0-9 and -"),
]
