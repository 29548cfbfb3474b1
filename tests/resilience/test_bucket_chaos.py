# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Two replicas, a bucket and a cluster, of which all fail while people buy.

In each round the node that is written to is killed, a replica is killed, and
the bucket refuses connections for a second or two. `MSRV_TEST_KILLS=20` is
the whole of it.
"""

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.ledger.galera_cluster import Cluster, WriterProxy
from tests.resilience.bucket_stores import NONCE, store_environ
from tests.resilience.chaotic_buyers import (
    BUYERS,
    FILE,
    Buyers,
    check_ledger,
)
from tests.resilience.killed_store import KilledStore
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import FaultyProxy
from tests.storage.objects.publishing import publish

ROUNDS: Final = int(os.environ.get("MSRV_TEST_KILLS", "3"))
SETTLE_SECONDS: Final = 60
GONE_SECONDS: Final = 5


async def fail(
    number: int,
    cluster: Cluster,
    writer: WriterProxy,
    bucket: FaultyProxy,
    replica: KilledStore,
) -> None:
    """Let everything fail once, and be there again."""
    chance = random.Random(number)  # noqa: S311 - the same each time
    node, successor = cluster[number % 3], cluster[(number + 1) % 3]

    async def fail_node() -> None:
        await asyncio.to_thread(node.server.kill)
        await asyncio.sleep(chance.random())
        writer.lead_to(successor.server.port)
        # On a busy machine, a node that is back before the others have agreed
        # that it was gone may cost the cluster its quorum.
        await asyncio.sleep(GONE_SECONDS)
        await asyncio.to_thread(node.start_after_kill)

    async def fail_replica() -> None:
        await asyncio.sleep(chance.random())
        await asyncio.to_thread(replica.kill)
        await asyncio.to_thread(replica.start)

    async def fail_bucket() -> None:
        await asyncio.sleep(2 * chance.random())
        await bucket.refuse()
        await asyncio.sleep(1 + chance.random())
        await bucket.listen()

    async with asyncio.TaskGroup() as failing:
        for each in (fail_node, fail_replica, fail_bucket):
            failing.create_task(each())


@pytest.mark.alone
async def test_nothing_is_lost_or_doubled(
    ceph: CephServer, cluster: Cluster, tmp_path: Path
) -> None:
    library = tmp_path / "library" / "Noise"
    library.mkdir(parents=True)
    (library / "noise.bin").write_bytes(FILE)
    (library / "release.toml").write_text('price = "1.00"\n')
    address = await asyncio.to_thread(ceph.create_bucket, "chaos")
    data = tmp_path / "publisher"
    await asyncio.to_thread(
        publish, ceph, address, library.parent, data, NONCE
    )
    url = await asyncio.to_thread(cluster[0].server.create, "shop")
    async with (
        WriterProxy(cluster[0].server.port) as writer,
        FaultyProxy(ceph.port) as bucket,
    ):
        environ = store_environ(ceph, bucket, address) | {
            "MSRV_DATABASE": url.replace(
                str(cluster[0].server.port), str(writer.port)
            ),
        }
        replicas = await asyncio.gather(
            *(
                asyncio.to_thread(KilledStore, tmp_path / name, environ)
                for name in ("one", "two")
            )
        )
        try:
            store = replicas[0].store
            await asyncio.to_thread(store.run, "ledger", "upgrade")
            catalog = await asyncio.to_thread(store.request_json, "/catalog")
            item_id = catalog["releases"][0]["items"][0]["item_id"]
            crowd = Buyers([each.store.url for each in replicas], item_id)
            async with asyncio.TaskGroup() as buyers:
                for number in range(BUYERS):
                    buyers.create_task(crowd.buy_and_download(number))
                for number in range(ROUNDS):
                    await asyncio.sleep(1)
                    replica = replicas[number % 2]
                    await fail(number, cluster, writer, bucket, replica)
                crowd.closing.set()
            until = time.monotonic() + SETTLE_SECONDS
            for replica in replicas:
                while not await asyncio.to_thread(replica.is_synced):
                    assert time.monotonic() < until, "a spool isn't empty"
                    await asyncio.sleep(0.1)
        finally:
            for replica in replicas:
                await asyncio.to_thread(replica.store.stop)
    sold = crowd.sold(NONCE)
    for node in cluster:
        await check_ledger(node.server.url("shop"), sold, SETTLE_SECONDS)
    assert crowd.counts["downloads"] == len(sold)
    # Otherwise the test has proved nothing.
    assert len(sold) > BUYERS
    assert crowd.counts["resumed"] > ROUNDS
    assert crowd.counts["repeated"] > ROUNDS
