# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Spool and retry queue: an acknowledged event is on disk, or retried."""

import asyncio
import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from msrv.ledger import segments
from msrv.ledger import spool as spool_module
from msrv.ledger.db import sync
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import (
    Delivered,
    Event,
    discount_use,
    discount_use_prefix,
)
from msrv.ledger.health import DISK, Health
from msrv.ledger.ledger import Ledger
from msrv.ledger.spool import RetryQueue, Spool
from tests.ledger.sample_events import NOON, order_id, order_ids, sale


def written(root: Path) -> list[Event]:
    """Return every event under the root of a spool."""
    return [
        event
        for path in sorted(root.glob("*/*.log"))
        for event in segments.read_records(path, 0, most=10_000).events
    ]


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """Limit the size of files that this process writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_appended_event_is_on_disk(tmp_path: Path) -> None:
    sales = [sale(number) for number in range(200)]
    async with Spool(tmp_path / "spool", segment_bytes=9000) as spool:
        await spool.append(sales[0])
        assert written(spool.root) == sales[:1]
        # Concurrent appends share a sync, and each of them is written.
        await asyncio.gather(*(spool.append(each) for each in sales[1:]))
        assert order_ids(written(spool.root)) == order_ids(sales)  # type: ignore[arg-type]
        assert len(spool.segments) > 1
        assert all(each.is_closed for each in spool.segments[:-1])
    assert order_ids(written(spool.root)) == order_ids(sales)  # type: ignore[arg-type]


async def test_cancelled_append_does_not_affect_its_group(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool") as spool:
        waits = [
            asyncio.create_task(spool.append(sale(number)))
            for number in range(10)
        ]
        await asyncio.sleep(0)
        waits[3].cancel()
        results = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(results[3], asyncio.CancelledError)
        assert [each for each in results if each is not None] == [results[3]]
        assert len(written(spool.root)) >= 9


async def test_full_disk_fails_the_reservation_and_not_the_append(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool", segment_bytes=20_000) as spool:
        await spool.reserve()
        with full_disk(19_999):
            sold = await fill(spool)
            assert sold > 20
            # The reserved space is left for purchases that have started.
            for number in range(20):
                await spool.append(sale(1000 + number))
            assert len(written(spool.root)) == sold + 20
        await spool.reserve()
        await spool.append(sale(5000))
        assert len(written(spool.root)) == sold + 21


async def fill(spool: Spool) -> int:
    """Append until a reservation fails, and return the number."""
    for number in range(1000):
        try:
            await spool.reserve()
        except SpoolFailed:
            return number
        await spool.append(sale(number))
    raise AssertionError("no reservation failed")


async def test_unwritable_folder_raises_an_error_and_start_does_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("a file, and no folder")
    async with Spool(tmp_path / "data" / "spool") as spool:
        with pytest.raises(SpoolFailed, match="MSRV_DATA: can't write"):
            await spool.reserve()
        with pytest.raises(SpoolFailed):
            await spool.append(sale())


async def test_any_error_of_the_writer_reaches_the_callers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: bytes, *, keep_reserve: bool) -> None:
        raise MemoryError(keep_reserve)

    async with asyncio.timeout(10), Spool(tmp_path / "spool") as spool:
        with monkeypatch.context() as broken:
            broken.setattr(spool._writer, "write", fail)
            results = await asyncio.gather(
                *(spool.append(sale(number)) for number in range(3)),
                return_exceptions=True,
            )
        assert [type(each) for each in results] == [SpoolFailed] * 3
        assert "could not be spooled: MemoryError(" in str(results[0])
        assert "Traceback" in caplog.text
        await spool.append(sale(4))
        assert written(spool.root) == [sale(4)]
    # One that comes after the end does not wait either.
    with pytest.raises(SpoolFailed):
        await asyncio.wait_for(spool.append(sale(5)), 10)


async def test_empty_spool_leaves_no_folder(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool") as spool:
        await spool.reserve()
        assert len(list(spool.root.iterdir())) == 1
    assert list(spool.root.iterdir()) == []


class Disk:
    """Disk that accepts events, or refuses them."""

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
    queue = RetryQueue(disk.write, health)
    health.report(DISK, "No space left on device")
    queue.add(sale(1))
    queue.add(sale(2))
    await queue.flush()
    assert not disk.events
    assert health.troubles
    disk.is_full = False
    await queue.flush()
    await queue.flush()
    assert disk.events == [sale(1), sale(2)]
    assert not health.troubles


async def test_retry_queue_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spool_module, "MAX_QUEUED_EVENTS", 2)
    disk = Disk()
    queue = RetryQueue(disk.write, Health())
    for number in range(5):
        queue.add(sale(number))
    disk.is_full = False
    await queue.flush()
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


async def test_downloads_leave_the_reserved_space_for_sales(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Ledger(tmp_path) as ledger:
        await ledger.reserve_space()
        await stop_sync(ledger)
        monkeypatch.setattr(segments, "_allocate", refuse_space)
        for at in range(40):
            for number in range(150):
                ledger.track_download(order_id(number), "zine", '"x"', 100)(
                    (at, at + 1)
                )
            await ledger._downloads.flush()
        # To the byte, however many were spooled at once.
        assert ledger._spool._writer.free_bytes >= segments.RESERVE_BYTES
        await ledger.reserve_space()
        for number in range(300):
            await ledger.record_sale(sale(number))
        assert not ledger._retry_queue._events
        # What the disk refused is counted once it accepts it.
        monkeypatch.undo()
        await ledger._downloads.flush()
    sent = {
        (event.order_id, at)
        for event in written(ledger._spool.root)
        if isinstance(event, Delivered)
        for first, end in event.ranges
        for at in range(first, end)
    }
    assert len(sent) == 40 * 150


async def test_full_disk_refuses_no_sale_while_the_database_accepts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Spool.__init__, "__kwdefaults__", {"segment_bytes": 9000}
    )
    monkeypatch.setattr(sync, "_GATHER_SECONDS", 0)
    async with Ledger(tmp_path) as ledger, asyncio.timeout(60):
        await ledger.reserve_space()
        monkeypatch.setattr(segments, "_allocate", refuse_space)
        for number in range(60):
            # Other buyers are still at the payment provider.
            await ledger.wait_until_synced()
            await ledger.reserve_space()
            assert ledger._spool._writer.free_bytes >= 4500
            await ledger.record_sale(sale(number))
        await ledger.wait_until_synced()
        assert ledger.status().state == "ok"
        assert ledger.status().set_aside_lines == 0
        assert not ledger._retry_queue._events
        assert len(ledger._spool.segments) == 1
        async with ledger.read_transaction() as connection:
            count = await connection.scalar(
                text("SELECT count(*) FROM orders")
            )
        assert count == 60


async def stop_sync(ledger: Ledger) -> None:
    """Stop the background tasks, so that nothing leaves the spool."""
    await ledger._tasks.stop()
    ledger._sync = None


def refuse_space(path: Path, size: int) -> int:
    """Refuse a segment, as a full disk does."""
    raise OSError(errno.ENOSPC, f"No space left on device for {size}", path)
