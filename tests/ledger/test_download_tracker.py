# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Download tracker: bounded counting of sent bytes."""

import pytest

from msrv.ledger import download_tracker
from msrv.ledger.download_tracker import DownloadTracker
from msrv.ledger.events import Delivered
from msrv.ledger.health import Health
from msrv.rate_limit import Limit
from tests.conftest import Clock
from tests.ledger.sample_events import order_id


async def test_new_downloads_are_rate_limited_and_known_ones_are_not(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_tracker, "NEW_DOWNLOADS", Limit(3, 10_000))
    written: list[Delivered] = []

    async def write(event: Delivered) -> None:
        written.append(event)

    health = Health()
    tracker = DownloadTracker(write, clock, health)

    async def send(number: int, first: int) -> None:
        tracker.track(order_id(number), "zine", '"x"', 100)((first, first + 1))
        await tracker.flush()

    for number in range(10):
        await send(number, 0)
    assert [each.order_id for each in written] == [
        order_id(number) for number in range(3)
    ]
    assert health.lost_deliveries == 7
    # Known downloads are always counted, and others once the limit allows.
    await send(2, 50)
    assert written[-1].order_id == order_id(2)
    clock.now += 10
    await send(8, 0)
    assert written[-1].order_id == order_id(8)
    assert len(written) == 5
