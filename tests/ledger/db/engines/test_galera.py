# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ledger on a Galera cluster behind HAProxy; its writer fails, and rejoins."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, text

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
from tests import network_namespaces
from tests.ledger import galera_machines
from tests.ledger.galera_machines import HAProxy, MachineNode, Machines
from tests.ledger.sample_events import NOON, order_id, sale
from tests.optional_programs import require

pytestmark = pytest.mark.slow

FAILOVER_SECONDS = 30
"""Generous: docs/scaling.md has what was measured."""
CODES = 4


@pytest.fixture
def machines(mariadbd: str, galera: str) -> Iterator[Machines]:
    """Cluster of three nodes."""
    require(
        "networks",
        available=network_namespaces.are_available(),
        reason="this user may not create a network namespace",
    )
    with galera_machines.running(mariadbd, galera) as nodes:
        yield nodes


@pytest.fixture
def haproxy(machines: Machines, tmp_path: Path) -> Iterator[HAProxy]:
    """HAProxy in front of the cluster."""
    assert machines
    program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    require(
        "haproxy",
        available=program is not None and shutil.which("socat") is not None,
        reason="HAProxy or socat is not installed",
    )
    assert program
    log = tmp_path / "haproxy.log"
    with galera_machines.running_haproxy(program, log) as running:
        yield running


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
    codes = [f"code-{start + number}" for number in range(CODES)]
    won = await asyncio.gather(
        *(
            redeem(database, code, start + 2 * number + other)
            for number, code in enumerate(codes)
            for other, database in enumerate((first, second))
        )
    )
    assert [a + b for a, b in zip(won[::2], won[1::2], strict=True)] == [
        1
    ] * CODES


@dataclass(slots=True)
class Replica:
    """Replica of the store, which sells one thing after the other."""

    ledger: Ledger
    numbers: Iterator[int]
    sold: list[int] = field(default_factory=list)
    stops: bool = False

    async def sell(self) -> None:
        """Sell until it stops."""
        while not self.stops:
            number = next(self.numbers)
            await self.ledger.record_sale(sale(number))
            self.sold.append(number)
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def selling(replicas: list[Replica]) -> AsyncIterator[None]:
    """Sell meanwhile."""
    async with asyncio.TaskGroup() as group:
        for each in replicas:
            group.create_task(each.sell())
        try:
            yield
        finally:
            for each in replicas:
                each.stops = True


async def wait_for_next_sales(
    replicas: list[Replica], database: Database
) -> None:
    """Wait until a node has all sales until now, and one more of each."""
    counts = [len(each.sold) + 1 for each in replicas]
    while any(  # noqa: ASYNC110 - the replicas go on selling
        len(each.sold) < count
        for each, count in zip(replicas, counts, strict=True)
    ):
        await asyncio.sleep(0.01)
    wanted = {
        order_id(number)
        for each, count in zip(replicas, counts, strict=True)
        for number in each.sold[:count]
    }
    async with asyncio.timeout(120):
        while not wanted <= set(await known_orders(database)):  # noqa: ASYNC110 - another node's
            await asyncio.sleep(0.05)


async def known_orders(database: Database) -> list[str]:
    """Return the orders that a node has, none while it isn't ready."""
    try:
        return await order_ids(database)
    except DatabaseUnavailable:
        return []


async def time_failover(
    replicas: list[Replica], led: Database, start: int
) -> float:
    """Return the seconds until sales and redemptions work again."""
    started = time.monotonic()
    async with asyncio.timeout(120):
        won, *_ = await asyncio.gather(
            asyncio.gather(
                *(redeem(led, f"code-{start}", start + n) for n in range(4))
            ),
            wait_for_next_sales(replicas, led),
        )
    assert sum(won) == 1
    return time.monotonic() - started


Change = Callable[[MachineNode], None]

FAULTS: dict[str, tuple[Change, Change]] = {
    "killed": (
        lambda node: node.server.kill(),
        lambda node: node.start_after_kill(),
    ),
    "cut off": (
        lambda node: node.machine.plug(in_=False),
        lambda node: node.machine.plug(in_=True),
    ),
    "hung": (
        lambda node: node.server.send(signal.SIGSTOP),
        lambda node: node.server.send(signal.SIGCONT),
    ),
    "cut off from the other nodes": (
        lambda node: node.machine.separate(from_peers=True),
        lambda node: node.machine.separate(from_peers=False),
    ),
}
"""What happens to the writer, and what ends it."""


async def test_failover_loses_no_sale_and_redeems_no_code_twice(
    machines: Machines, haproxy: HAProxy, tmp_path: Path
) -> None:
    host = machines[0].server.host
    url = await asyncio.to_thread(machines[0].server.create, "msrv")
    databases = [each.open("msrv") for each in machines]
    first, second, _ = databases
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

    led_url = url.replace(f"{host}:3306", haproxy.address)
    led = Database(led_url)
    seconds = {}
    async with (
        Ledger(tmp_path / "a", led_url) as ledger,
        Ledger(tmp_path / "b", led_url) as other,
    ):
        replicas = [
            Replica(ledger, itertools.count(100_000)),
            Replica(other, itertools.count(200_000)),
        ]
        async with selling(replicas):
            await wait_for_next_sales(replicas, first)
            for number, (fault, (cause, end)) in enumerate(FAULTS.items()):
                writer = await writing_node(led)
                failed_before = len(haproxy.failed_nodes())
                await asyncio.to_thread(cause, machines[writer])
                try:
                    seconds[fault] = await time_failover(
                        replicas, led, 3000 + 10 * number
                    )
                finally:
                    await asyncio.to_thread(end, machines[writer])
                await asyncio.to_thread(machines[writer].wait)
                await use_up(
                    databases[writer],
                    databases[(writer + 1) % 3],
                    4000 + 100 * number,
                )
                # It has what was sold, and is not the writer again, unless
                # the next one failed too, as it may on a busy machine.
                await wait_for_next_sales(replicas, databases[writer])
                again = await writing_node(led)
                failed = haproxy.failed_nodes()[failed_before:]
                assert writer in failed
                assert again != writer or failed != [writer]
        await ledger.wait_until_synced()
        await other.wait_until_synced()
        assert ledger.status().state == other.status().state == "ok"

    assert max(seconds.values()) <= FAILOVER_SECONDS, seconds
    # Another code was redeemed during each fault.
    codes = CODES + (CODES + 1) * len(FAULTS)
    known = [await order_ids(each) for each in databases]
    async with asyncio.timeout(60):
        while not known[0] == known[1] == known[2]:
            await asyncio.sleep(0.05)
            known = [await order_ids(each) for each in databases]
    assert len(known[0]) == len(set(known[0]))
    sold = {order_id(number) for each in replicas for number in each.sold}
    assert sold <= set(known[0])
    assert len(known[0]) == len(sold) + codes
    async with first.read_transaction() as connection:
        redeemed = await connection.scalars(select(redemptions.c.code_id))
        assert len(list(redeemed)) == codes + 5
    for each in (*databases, led):
        await each.close()


async def writing_node(led: Database) -> int:
    """Return the number of the node that HAProxy leads to, from 0."""
    async with led.read_transaction() as connection:
        name = await connection.scalar(text("SELECT @@wsrep_node_name"))
    return int(str(name).removeprefix("node")) - 1
