# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands: codes and limited discounts."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from msrv.ledger.db import commands, schema
from msrv.ledger.db.database import Database
from msrv.ledger.errors import (
    AlreadyRedeemed,
    DatabaseUnavailable,
    LimitReached,
)
from msrv.ledger.events import (
    Redeemed,
    Redemption,
    discount_use,
    discount_use_prefix,
)
from msrv.ledger.ledger import Ledger
from tests.ledger.sample_events import NOON, order_id, sale
from tests.polling import wait_until

CODE = "ezdrt90001.15bb647c"


async def wait_until_ready(ledger: Ledger) -> None:
    """Wait until the database is available."""
    await wait_until(lambda: ledger.is_database_ready)


async def redeem(ledger: Ledger, number: int) -> Redemption | None:
    """Redeem a code for an order, and return None if it was used before."""
    used = Redeemed(CODE, order_id(number), NOON + number)
    try:
        return await ledger.redeem(used, sale(number, ("song", 0)))
    except AlreadyRedeemed:
        return None


async def test_code_is_redeemed_once_by_fifty_clients_on_two_replicas(
    database: Database, url: str, tmp_path: Path
) -> None:
    async with (
        Ledger(tmp_path / "one", url) as one,
        Ledger(tmp_path / "other", url) as other,
    ):
        await asyncio.gather(wait_until_ready(one), wait_until_ready(other))
        found = await asyncio.gather(
            *(redeem((one, other)[each % 2], each) for each in range(50))
        )
        (winner,) = [at for at, each in enumerate(found) if each is not None]
        # Repeating the winning request has the same result on both replicas.
        for ledger in (one, other):
            assert await redeem(ledger, winner) == found[winner]
            assert await redeem(ledger, 51) is None
    async with database.read_transaction() as connection:
        orders = await connection.execute(select(schema.orders.c.order_id))
        assert orders.scalars().all() == [order_id(winner)]
        days = await connection.execute(select(schema.days.c.orders))
        assert days.scalars().all() == [1]


async def test_repeated_redemption_returns_the_first_result(
    database: Database,
) -> None:
    first = await commands.redeem_code(
        database, Redeemed(CODE, order_id(1), NOON), sale(1, currency="JPY")
    )
    again = await commands.redeem_code(
        database, Redeemed(CODE, order_id(1), NOON + 9), sale(1)
    )
    assert again == first == Redemption(NOON, "JPY")


async def test_redeeming_needs_the_database(tmp_path: Path) -> None:
    async with Ledger(tmp_path, "mysql://u:p@127.0.0.1:9/none") as ledger:
        with pytest.raises(DatabaseUnavailable):
            await redeem(ledger, 1)
        with pytest.raises(DatabaseUnavailable):
            await ledger.count_uses("discount.spring.")
        await wait_until(lambda: ledger._database)
        with pytest.raises(DatabaseUnavailable):
            await redeem(ledger, 1)


async def test_discount_for_three_orders_is_claimed_three_times(
    database: Database, url: str, tmp_path: Path
) -> None:
    start = discount_use_prefix("SPRING")
    async with (
        Ledger(tmp_path / "one", url) as one,
        Ledger(tmp_path / "other", url) as other,
    ):
        await asyncio.gather(wait_until_ready(one), wait_until_ready(other))
        # A use of another discount, whose name has the same start.
        await one.claim_use(
            discount_use("SPRING-2", order_id(99), NOON), start, 9
        )

        async def use(number: int) -> bool:
            used = discount_use("SPRING", order_id(number), NOON)
            try:
                await (one, other)[number % 2].claim_use(used, start, 3)
            except LimitReached:
                return False
            return True

        taken = await asyncio.gather(*(use(each) for each in range(50)))
        assert sum(taken) == 3
        # A repeated claim of an order succeeds; another order has none.
        assert await use(taken.index(True))
        assert not await use(51)
        assert await one.count_uses(start) == 3
    async with database.read_transaction() as connection:
        count = select(func.count()).select_from(schema.redemptions)
        assert await connection.scalar(count) == 4


async def test_recorded_use_counts_once_for_each_order(
    database: Database, url: str, tmp_path: Path
) -> None:
    assert database
    async with Ledger(tmp_path, url) as ledger:
        for number in (1, 2, 2, 1):
            await ledger.record_use(
                discount_use("SPRING", order_id(number), NOON)
            )
        await ledger.wait_until_synced()
        assert await ledger.count_uses(discount_use_prefix("SPRING")) == 2
