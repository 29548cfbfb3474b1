# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sums of what items sold, and their addition where an item had several ids.

Apart from the queries, which are slow to import: mailed statements need none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class BestSeller:
    """Sales of an item in a period, in one currency.

    `title` is that of its first sale; the catalog may have a newer one.
    `refunded` are those of the sales that were refunded at any time.
    """

    item_id: str
    title: str
    currency: str
    sold: int
    sold_minor: int
    refunded: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class ItemSum:
    """Sales of an item in an interval, in one currency.

    `refunded_minor` is what of them is refunded by now.
    """

    item_id: str
    title: str
    currency: str
    sold: int
    sold_minor: int
    refunded_minor: int


_Sum = TypeVar("_Sum", BestSeller, ItemSum)


def sum_by_present_id(
    rows: Iterable[_Sum], moved: Mapping[str, str]
) -> list[_Sum]:
    """Return the sums of rows whose items and currencies are the same.

    `moved` maps former ids to the present ones. All numbers are added; the
    title is that of the first row.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    for each in rows:
        present = moved.get(each.item_id, each.item_id)
        was = sums.get((present, each.currency))
        sums[present, each.currency] = (
            replace(each, item_id=present)
            if was is None
            else _added(was, each)
        )
    return list(sums.values())


def _added(one: _Sum, other: _Sum) -> _Sum:
    """Return one row with the numbers of the other added."""
    numbers = {
        each.name: getattr(one, each.name) + getattr(other, each.name)
        for each in fields(one)
        if isinstance(getattr(one, each.name), int)
    }
    return replace(one, **numbers)
