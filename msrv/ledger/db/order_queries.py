"""Looking up orders: a page of them, some by name, all of them in a file.

Pages are found by the key of the row before them, never by counting rows:
the thousandth page costs what the first does.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import order_items, orders
from msrv.proofs.orders import ORDER_ID_CHARS

PAGE: Final = 50
_SHORTEST_ID: Final = 4
"""As receipts print them, in groups of four: less would find thousands."""
_ID_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_AFTER_LETTERS: Final = "Z"

Key = tuple[int, str]
"""Where an order stands among others: `(sold_at, order_id)`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One item of an order, as it was sold."""

    item_id: str
    title: str
    price_minor: int
    refunded: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `sold_at` is in Unix seconds, amounts in minor units.

    `reference` is the provider's own name of it, or empty.
    """

    order_id: str
    sold_at: int
    provider: str
    reference: str
    currency: str
    total_minor: int
    refunded_minor: int
    lines: tuple[Line, ...]

    @property
    def key(self) -> Key:
        """Where it stands."""
        return self.sold_at, self.order_id


@dataclass(frozen=True, slots=True)
class Page:
    """Some orders, newest first; `after` is where the next page begins."""

    orders: tuple[Order, ...]
    after: Key | None


async def page(
    connection: AsyncConnection,
    *,
    since: int | None = None,
    before: int | None = None,
    after: Key | None = None,
    most: int = PAGE,
) -> Page:
    """Give orders sold at `since` or later and earlier than `before`.

    Newest first; `after` is the key that the page before ended with.
    """
    wanted = select(orders)
    if since is not None:
        wanted = wanted.where(orders.c.sold_at >= since)
    if before is not None:
        wanted = wanted.where(orders.c.sold_at < before)
    if after is not None:
        sold_at, order_id = after
        # Said so that an index is entered at the right place, on both.
        wanted = wanted.where(
            orders.c.sold_at <= sold_at,
            or_(orders.c.sold_at < sold_at, orders.c.order_id < order_id),
        )
    wanted = wanted.order_by(
        orders.c.sold_at.desc(), orders.c.order_id.desc()
    ).limit(most + 1)
    found = await with_lines(connection, wanted)
    is_last = len(found) <= most
    return Page(tuple(found[:most]), None if is_last else found[most - 1].key)


async def find(
    connection: AsyncConnection, text: str, *, most: int = PAGE
) -> tuple[Order, ...]:
    """Find orders by the beginning of their number, or by a reference.

    A number as receipts print it, spaces allowed, four letters at least; a
    payment provider's reference as a whole.
    """
    number = "".join(text.split()).replace("-", "").upper()
    found: list[Order] = []
    if len(number) >= _SHORTEST_ID and _ID_LETTERS.issuperset(number):
        last = number.ljust(ORDER_ID_CHARS, _AFTER_LETTERS)
        found = await with_lines(
            connection,
            select(orders)
            .where(orders.c.order_id.between(number, last))
            .order_by(orders.c.order_id)
            .limit(most),
        )
    reference = text.strip()
    if not found and reference.isascii() and reference.isprintable():
        found = await with_lines(
            connection,
            select(orders)
            .where(orders.c.reference == reference, orders.c.reference != "")
            .order_by(orders.c.order_id)
            .limit(most),
        )
    return tuple(found)


async def every(
    connection: AsyncConnection,
    *,
    since: int | None = None,
    before: int | None = None,
) -> AsyncIterator[Order]:
    """Give each order of a time, newest first, a page in memory at a time."""
    after: Key | None = None
    while True:
        found = await page(
            connection, since=since, before=before, after=after, most=500
        )
        for each in found.orders:
            yield each
        if found.after is None:
            return
        after = found.after


async def with_lines(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[Order]:
    """Give the orders of a question for rows of `orders`, with their lines."""
    found = (await connection.execute(wanted)).all()
    lines: dict[str, list[Line]] = {row.order_id: [] for row in found}
    rows: Sequence[Row[Any]] = ()
    if found:
        held = await connection.execute(
            select(order_items)
            .where(order_items.c.order_id.in_(list(lines)))
            .order_by(order_items.c.order_id, order_items.c.position)
        )
        rows = held.all()
    for row in rows:
        lines[row.order_id].append(
            Line(row.item_id, row.title, row.price_minor, row.refunded)
        )
    return [
        Order(
            row.order_id,
            row.sold_at,
            row.provider,
            row.reference,
            row.currency,
            row.total_minor,
            row.refunded_minor,
            tuple(lines[row.order_id]),
        )
        for row in found
    ]
