"""What the pages tell the ledger, and what they ask of it."""

from typing import Any

from sqlalchemy import Table, select
from yarl import URL

from msrv.ledger import tables
from msrv.ledger.ledger import Ledger
from msrv.pages.keys import LEDGER
from tests.conftest import Client

JSON = {"Accept": "application/json"}


def ledger_of(store: Client) -> Ledger:
    """The ledger of a store in this process."""
    found = store.app[LEDGER]
    assert isinstance(found, Ledger)
    return found


async def rows(store: Client, table: Table) -> list[dict[str, Any]]:
    """The rows of a table, once all that happened is in it."""
    ledger = ledger_of(store)
    await ledger.settled()
    async with ledger.reading() as connection:
        found = await connection.execute(select(table))
        return [dict(row) for row in found.mappings()]


async def buy(store: Client, *items: str) -> dict[str, Any]:
    """Buy as a program does."""
    answer = await store.post(
        "/purchases", data=[("item", item) for item in items], headers=JSON
    )
    assert answer.status == 201
    found: dict[str, Any] = await answer.json()
    return found


def path_of(bought: dict[str, Any], item: str) -> str:
    """The path of a link to what was bought."""
    path: str = URL(bought["downloads"][item]).raw_path
    return path


async def test_a_sale_is_remembered(store: Client) -> None:
    """An operator never learns what was sold."""
    bought = await buy(store, "night-bus", "zine")
    (order,) = await rows(store, tables.orders)
    assert order["order_id"] == bought["order_id"]
    assert (order["total_minor"], order["currency"]) == (700, "EUR")
    lines = await rows(store, tables.order_items)
    assert [
        (line["item_id"], line["title"], line["price_minor"]) for line in lines
    ] == [("night-bus", "Night Bus", 700), ("zine", "zine", 0)]


async def test_downloads_are_counted_as_people_mean_it(store: Client) -> None:
    """Ten ranged requests count as ten downloads, or a cancelled one does."""
    bought = await buy(store, "departure")
    link = path_of(bought, "departure")
    whole = await (await store.get(link)).read()
    ledger = ledger_of(store)
    await ledger.settled()
    bought = await buy(store, "departure")
    link = path_of(bought, "departure")
    size = len(whole)
    assert (await store.head(link)).status == 200
    for part in range(9):
        wanted = f"bytes={size * part // 10}-{size * (part + 1) // 10 - 1}"
        answer = await store.get(link, headers={"Range": wanted})
        assert answer.status == 206
        await answer.read()
    (day,) = await rows(store, tables.download_days)
    assert (day["begun"], day["completed"]) == (2, 1)
    answer = await store.get(link, headers={"Range": f"bytes={size // 2}-"})
    await answer.read()
    (day,) = await rows(store, tables.download_days)
    assert (day["begun"], day["completed"]) == (2, 2)
    assert day["delivered_bytes"] == 2 * size
