# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Five updates of the store during visits, purchases and downloads."""

import asyncio
import hashlib
import json
import sys
import time

import pytest

from tests.containers.deployer.production_stack import MIB, ProductionStack
from tests.containers.deployer.visitors import DOWNLOADS, Visitors

pytestmark = pytest.mark.containers

UPDATES = 5


async def test_five_updates_under_load_cause_no_error(
    stack: ProductionStack,
) -> None:
    links = stack.buyer.buy("long", "pack")
    sums = {
        path: hashlib.sha256(stack.buyer.request(path).body).hexdigest()
        for path in links.values()
    }
    visitors = Visitors(stack.buyer.url, stack.tls, sums, 3 * MIB)

    def update() -> None:
        for number in range(UPDATES):
            stack.push(f"load-{number}")
            ended = stack.wait(stack.send_hook(stack.store))
            assert ended["state"] == "succeeded", json.dumps(ended, indent=1)
            assert stack.versions() == [f"load-{number}"] * 2

    began = time.monotonic()
    await visitors.run_during(asyncio.ensure_future(asyncio.to_thread(update)))
    sys.stdout.write(
        f"{visitors.requests} requests, {visitors.bought} purchases, "
        f"{visitors.downloads} downloads, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    assert visitors.failures == []
    assert visitors.requests > 1000
    assert visitors.bought > UPDATES
    assert visitors.downloads > 2 * DOWNLOADS
