# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ledger on a Galera cluster, whose nodes are killed, stopped and rejoin."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from msrv.ledger.db import commands, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import orders, redemptions
from msrv.ledger.errors import (
    AlreadyRedeemed,
    DatabaseUnavailable,
    LimitReached,
)
from msrv.ledger.events import Redeemed
from msrv.ledger.ledger import Ledger
from tests.ledger.galera_cluster import Cluster, WriterProxy
from tests.ledger.sample_events import NOON, order_id, sale

pytestmark = pytest.mark.slow


async def redeem(database: Database, code: str, number: int) -> bool:
    """Redeem a code as a buyer does, again and again until it is clear."""
    while True:
        try:
            await commands.redeem_code(
                database, Redeemed(code, order_id(number), NOON), sale(number)
            )
        except AlreadyRedeemed:
            return False
        except DatabaseUnavailable:
            continue
        return True


async def claim(database: Database, number: int) -> bool:
    """Claim one of five uses."""
    used = Redeemed(f"few-{number}", order_id(number), NOON)
    while True:
        try:
            await commands.claim_use(database, used, "few-", 5)
        except LimitReached:
            return False
        except DatabaseUnavailable:
            continue
        return True


async def order_ids(database: Database) -> list[str]:
    async with database.read_transaction() as connection:
        return list(
            await connection.scalars(
                select(orders.c.order_id).order_by(orders.c.order_id)
            )
        )


async def use_up(first: Database, second: Database, start: int) -> None:
    """Redeem codes on two nodes at once: each is worth one order."""
    codes = [f"code-{start + number}" for number in range(10)]
    won = await asyncio.gather(
        *(
            redeem(database, code, start + 2 * number + other)
            for number, code in enumerate(codes)
            for other, database in enumerate((first, second))
        )
    )
    assert [a + b for a, b in zip(won[::2], won[1::2], strict=True)] == [
        1
    ] * 10


async def wait_for_sales(
    ledger: Ledger, database: Database, numbers: range
) -> float:
    """Return the seconds until sales are in the database."""
    started = time.monotonic()
    wanted = {order_id(each) for each in numbers}
    async with asyncio.timeout(120):
        await ledger.wait_until_synced()
        while not wanted <= set(await order_ids(database)):  # noqa: ASYNC110 - another node's
            await asyncio.sleep(0.05)
    return time.monotonic() - started


async def test_no_sale_is_lost_and_no_code_is_redeemed_twice(
    cluster: Cluster, tmp_path: Path
) -> None:
    one, two, three = cluster
    url = await asyncio.to_thread(one.server.create, "msrv")
    databases = [
        Database(node.server.url("msrv"), timeout_seconds=5)
        for node in cluster
    ]
    first, second, third = databases
    await schema_upgrade.upgrade_schema(first)

    # Writers on two nodes at once, which no one should have.
    await use_up(first, second, 1000)
    claimed = await asyncio.gather(
        *(
            claim((first, second)[number % 2], 2000 + number)
            for number in range(12)
        )
    )
    assert sum(claimed) == 5

    async with WriterProxy(one.server.port) as proxy:
        led = url.replace(str(one.server.port), str(proxy.port))
        async with Ledger(tmp_path / "data", led) as ledger:
            await ledger.record_sale(sale(1))
            await wait_for_sales(ledger, first, range(1, 2))

            # The writer is killed while it writes.
            for number in range(2, 40):
                await ledger.record_sale(sale(number))
            await asyncio.to_thread(one.server.kill)
            proxy.lead_to(two.server.port)
            for number in range(40, 60):
                await ledger.record_sale(sale(number))
            await wait_for_sales(ledger, second, range(1, 60))
            await use_up(second, third, 3000)
            await asyncio.to_thread(one.start_after_kill)

            # The next writer is cut off from the others, and comes back.
            for number in range(60, 80):
                await ledger.record_sale(sale(number))
            two.server.send(signal.SIGSTOP)
            proxy.lead_to(three.server.port)
            try:
                await wait_for_sales(ledger, third, range(1, 80))
                await use_up(third, first, 4000)
            finally:
                two.server.send(signal.SIGCONT)
            await asyncio.to_thread(two.wait)
            await use_up(second, third, 5000)
            assert ledger.status().state == "ok"

    # 20 orders are from codes on each of four occasions.
    known = [await order_ids(each) for each in databases]
    async with asyncio.timeout(60):
        while not known[0] == known[1] == known[2]:
            await asyncio.sleep(0.05)
            known = [await order_ids(each) for each in databases]
    assert len(known[0]) == 79 + 4 * 10
    async with third.read_transaction() as connection:
        codes = await connection.scalars(select(redemptions.c.code_id))
        assert len(list(codes)) == 4 * 10 + 5
    for each in databases:
        await each.close()
