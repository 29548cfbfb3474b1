"""Discount codes, as `store.toml` states them.

[discounts.SPRING]
percent = 20
last_day = "2026-03-31"
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from msrv.catalog.model import Discount
from msrv.money import Money
from msrv.proofs.orders import is_item_id
from msrv.toml_file import TomlDocument

_KEYS: Final = ("percent", "amount", "first_day", "last_day", "uses", "items")
_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,23}")
_MAX_USES: Final = 10**9


def read_discounts(
    file: TomlDocument, as_money: Callable[[Any], Money]
) -> tuple[Discount, ...]:
    """Read the tables of `discounts`; what is wrong is noted in the file."""
    found = []
    for name in file.names("discounts"):
        table = file.table(("discounts", name), _KEYS)
        if not _NAME.fullmatch(name):
            file.complain(
                ("discounts",),
                name,
                "must be a code: 3 to 24 of A-Z, 0-9 and -",
            )
        percent = table.take("percent", _percent)
        amount = table.take("amount", as_money)
        if ("percent" in table.data) == ("amount" in table.data):
            file.complain(
                ("discounts",), name, "must have either a percent or an amount"
            )
        found.append(
            Discount(
                name=name,
                percent=percent,
                amount=amount,
                begins_at=table.take("first_day", _beginning),
                ends_at=table.take("last_day", _end),
                uses=table.take("uses", _uses),
                item_ids=table.take("items", _ids) or (),
            )
        )
    return tuple(found)


def _percent(value: Any) -> int:  # noqa: ANN401 - TOML comes in here
    if type(value) is not int or not 1 <= value <= 100:
        raise ValueError("must be a whole number from 1 to 100")
    return value


def _uses(value: Any) -> int:  # noqa: ANN401 - as above
    if type(value) is not int or not 1 <= value <= _MAX_USES:
        raise ValueError("must be how often it can be used: 1 or more")
    return value


def _ids(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as above
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of ids, like ['night-bus']")
    for each in value:
        if not isinstance(each, str) or not is_item_id(each):
            raise ValueError(f"must be a list of ids, and {each!r} is none")
    return tuple(value)


def _beginning(value: Any) -> int:  # noqa: ANN401 - as above
    """Give the first second of a day, UTC."""
    midnight = datetime.combine(_day(value), time(), UTC)
    return int(midnight.timestamp())


def _end(value: Any) -> int:  # noqa: ANN401 - as above
    """Give the first second after a day, UTC."""
    return _beginning(value) + int(timedelta(days=1).total_seconds())


def _day(value: Any) -> date:  # noqa: ANN401 - as above
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a day, like '2026-03-31'") from None
