"""Retry queue of events that the disk refused."""

from pathlib import Path

import pytest

from msrv.ledger import spool
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Event, discount_use, discount_use_prefix
from msrv.ledger.health import DISK, Health
from msrv.ledger.ledger import Ledger
from msrv.ledger.spool import RetryQueue
from tests.ledger.sample_events import NOON, order_id, sale


class Disk:
    """Takes events, or refuses them."""

    def __init__(self) -> None:
        self.is_full = True
        self.events: list[Event] = []

    async def write(self, event: Event) -> None:
        if self.is_full:
            raise SpoolFailed("No space left on device")
        self.events.append(event)


async def test_retry_queue_writes_in_order_once_the_disk_accepts_events() -> (
    None
):
    disk, health = Disk(), Health()
    kept = RetryQueue(disk.write, health)
    health.report(DISK, "No space left on device")
    kept.add(sale(1))
    kept.add(sale(2))
    await kept.flush()
    assert not disk.events
    assert health.troubles
    disk.is_full = False
    await kept.flush()
    await kept.flush()
    assert disk.events == [sale(1), sale(2)]
    assert not health.troubles


async def test_retry_queue_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool, "MAX_QUEUED_EVENTS", 2)
    disk = Disk()
    kept = RetryQueue(disk.write, Health())
    for number in range(5):
        kept.add(sale(number))
    disk.is_full = False
    await kept.flush()
    assert disk.events == [sale(0), sale(1)]


async def test_sale_that_the_disk_refuses_is_logged_and_retried(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk()
    async with Ledger(tmp_path) as ledger:
        with monkeypatch.context() as broken:
            broken.setattr(ledger._spool, "append", disk.write)
            await ledger.record_sale(sale(1))
            await ledger.record_use(discount_use("SPRING", order_id(1), NOON))
        assert f"order {order_id(1)}, 100 EUR minor units" in caplog.text
        assert ledger.status().state == "degraded"
        await ledger._retry_queue.flush()
        await ledger.wait_until_synced()
        assert ledger.status().state == "ok"
        assert await ledger.count_uses(discount_use_prefix("SPRING")) == 1
