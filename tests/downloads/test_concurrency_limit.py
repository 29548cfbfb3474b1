# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Concurrency limit: per client, in total, waiting, and evictions."""

import asyncio
from contextlib import AsyncExitStack
from ipaddress import ip_address

import pytest

from msrv.downloads.concurrency_limit import (
    MAX_WAITING_OF_CLIENT,
    ClientLimitReached,
    ConcurrencyLimit,
    DownloadSlot,
    MinimumSpeed,
    StoreLimitReached,
)
from tests.polling import wait_until

ONE, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def made(
    total: int, per_client: int, slow: MinimumSpeed | None = None
) -> ConcurrencyLimit:
    """Return a limit without waiting time."""
    return ConcurrencyLimit(total, per_client, slow, wait_seconds=0)


async def test_client_has_a_limit() -> None:
    limit = made(total=10, per_client=2)
    async with limit.acquire(ONE), limit.acquire(ONE):
        with pytest.raises(ClientLimitReached):
            async with limit.acquire(ONE):
                pass
        async with limit.acquire(OTHER):
            pass


async def test_store_has_a_limit() -> None:
    limit = made(total=2, per_client=2)
    async with limit.acquire(ONE), limit.acquire(OTHER):
        with pytest.raises(StoreLimitReached):
            async with limit.acquire(None):
                pass


async def test_last_tenth_is_reserved_for_clients_without_a_slot() -> None:
    limit = made(total=20, per_client=20)
    async with AsyncExitStack() as held:
        for _ in range(18):
            await held.enter_async_context(limit.acquire(ONE))
        for new in (OTHER, ip_address("192.0.2.3")):
            with pytest.raises(StoreLimitReached):
                await held.enter_async_context(limit.acquire(ONE))
            await held.enter_async_context(limit.acquire(new))
            with pytest.raises(StoreLimitReached):
                await held.enter_async_context(limit.acquire(new))
        with pytest.raises(StoreLimitReached):
            await held.enter_async_context(
                limit.acquire(ip_address("192.0.2.4"))
            )


async def test_second_buyer_of_a_client_has_extra_slots() -> None:
    limit = made(total=100, per_client=16)
    async with AsyncExitStack() as held:
        for _ in range(16):
            await held.enter_async_context(limit.acquire(ONE, "first"))
        with pytest.raises(ClientLimitReached):
            await held.enter_async_context(limit.acquire(ONE, "first"))
        for _ in range(4):
            await held.enter_async_context(limit.acquire(ONE, "second"))
        for buyer in ("first", "second", "third"):
            with pytest.raises(ClientLimitReached):
                await held.enter_async_context(limit.acquire(ONE, buyer))


async def test_slot_is_released_after_an_error() -> None:
    limit = made(total=1, per_client=1)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            async with limit.acquire(ONE):
                raise ConnectionError
    async with limit.acquire(ONE):
        with pytest.raises(StoreLimitReached):
            async with limit.acquire(ONE):
                pass
    assert len(limit) == 0
    assert not limit._by_network
    assert not limit._by_buyer


async def test_waiters_get_released_slots_in_order() -> None:
    limit = ConcurrencyLimit(total=1, per_client=1, wait_seconds=60)
    got: list[str] = []

    async def download(name: str) -> None:
        async with limit.acquire(ONE, name):
            got.append(name)

    async with limit.acquire(ONE, "now"):
        waiting = [asyncio.create_task(download(each)) for each in "abc"]
        await wait_until(lambda: len(limit._waiting) == 3)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert not got
    await asyncio.gather(*waiting[1:])
    assert got == ["b", "c"]
    assert not limit._waiting


async def test_waiter_whose_buyer_has_fewest_slots_is_first() -> None:
    limit = ConcurrencyLimit(total=100, per_client=2, wait_seconds=60)
    got: list[str] = []

    async def download(name: str) -> None:
        async with limit.acquire(ONE, name):
            got.append(name)

    first = limit.acquire(ONE, "many")
    await first.__aenter__()
    async with limit.acquire(ONE, "many"), limit.acquire(ONE, "some"):
        tasks = [
            asyncio.create_task(download(each)) for each in ("many", "few")
        ]
        await wait_until(lambda: len(limit._waiting) == 2)
        await first.__aexit__(None, None, None)
        await wait_until(lambda: got)
        assert got[0] == "few"
    await asyncio.gather(*tasks)


async def test_waiting_downloads_of_a_client_are_limited() -> None:
    limit = ConcurrencyLimit(total=10, per_client=1, wait_seconds=60)
    async with limit.acquire(ONE, "a"), limit.acquire(ONE, "b"):
        waiting = [
            asyncio.create_task(limit.acquire(ONE, "c").__aenter__())
            for _ in range(MAX_WAITING_OF_CLIENT)
        ]
        await wait_until(lambda: len(limit._waiting) == MAX_WAITING_OF_CLIENT)
        with pytest.raises(ClientLimitReached):
            async with limit.acquire(ONE, "c"):
                pass
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        assert not limit._waiting


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
async def test_client_is_an_ipv4_address_or_an_ipv6_64(
    first: str, second: str, *, same: bool
) -> None:
    limit = made(total=9, per_client=1)
    async with AsyncExitStack() as held:
        await held.enter_async_context(limit.acquire(ip_address(first)))
        if same:
            with pytest.raises(ClientLimitReached):
                await held.enter_async_context(
                    limit.acquire(ip_address(second))
                )
        else:
            await held.enter_async_context(limit.acquire(ip_address(second)))


SLOW = MinimumSpeed(bytes_per_second=1000, seconds=100)


async def measured(
    held: AsyncExitStack, limit: ConcurrencyLimit, host: str, pace: int
) -> tuple[DownloadSlot, list[bool]]:
    """Return a download of this speed, and whether it was evicted."""
    slot = await held.enter_async_context(limit.acquire(ip_address(host)))
    cut: list[bool] = []
    slot.set_abort(lambda: cut.append(True))
    for second in range(0, 101, 25):
        slot.measure(float(second), second * pace, has_unsent=True)
    return slot, cut


async def test_slowest_download_is_evicted_while_most_slots_are_in_use() -> (
    None
):
    limit = made(10, 10, SLOW)
    async with AsyncExitStack() as held:
        cut = {
            pace: (await measured(held, limit, f"192.0.2.{n}", pace))[1]
            for n, pace in enumerate([5000, 900, 20, 999, 1000, 50, 70])
        }
        assert not any(cut.values())
        for number in range(3):
            await held.enter_async_context(
                limit.acquire(ip_address(f"198.51.100.{number}"))
            )
        # Seven and eight are not yet most of ten; the ninth and tenth are.
        assert [pace for pace, was in cut.items() if was] == [20, 50]
        assert limit.evicted == 2


async def test_slow_downloads_are_not_evicted_while_slots_are_free() -> None:
    limit = made(100, 100, SLOW)
    async with AsyncExitStack() as held:
        _, cut = await measured(held, limit, "192.0.2.1", 0)
        for number in range(70):
            await held.enter_async_context(
                limit.acquire(ip_address(f"198.51.100.{number}"))
            )
        assert not cut


def test_speed_counts_only_time_with_unsent_bytes() -> None:
    """A slow disk does not make a client slow."""
    slot = DownloadSlot((None, None), 100)
    for second in range(0, 500, 25):
        slot.measure(float(second), 0, has_unsent=second % 50 == 0)
    assert slot.bytes_per_second is None
    for second in range(500, 625, 25):
        slot.measure(float(second), 10 * (second - 475), has_unsent=True)
    assert slot.bytes_per_second == 10
