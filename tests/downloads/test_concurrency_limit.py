"""Nobody takes all the limit, and whoever leaves gives theirs back."""

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


async def test_one_client_does_not_take_every_place() -> None:
    """One buyer's download manager keeps everyone else out."""
    limit = made(total=10, per_client=2)
    async with limit.acquire(ONE), limit.acquire(ONE):
        with pytest.raises(ClientLimitReached):
            async with limit.acquire(ONE):
                pass
        async with limit.acquire(OTHER):
            pass


async def test_all_together_have_a_limit() -> None:
    """A rush takes more memory than there is."""
    limit = made(total=2, per_client=2)
    async with limit.acquire(ONE), limit.acquire(OTHER):
        with pytest.raises(StoreLimitReached):
            async with limit.acquire(None):
                pass


async def test_the_last_tenth_is_for_clients_that_have_none() -> None:
    """Those who are here already take all that is left."""
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


async def test_another_buyer_of_a_household_has_a_place() -> None:
    """One who downloads an album shuts out who lives with them."""
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


async def test_a_place_comes_back() -> None:
    """After so many downloads that broke off, the store sends nothing."""
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


async def test_who_waits_gets_the_next_place() -> None:
    """A slot that comes back in a moment is refused."""
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


async def test_who_has_fewest_is_called_first() -> None:
    """A download manager's next takes the slot that another has_unsent for."""
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


async def test_one_client_does_not_fill_the_queue() -> None:
    """Whoever asks for thousands has thousands of requests waiting."""
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
async def test_who_is_one_client(
    first: str, second: str, *, same: bool
) -> None:
    """Who has IPv6 has as many addresses, and so as many limit, as there
    are.
    """
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
    """A download of this pace, and whether it was cut."""
    slot = await held.enter_async_context(limit.acquire(ip_address(host)))
    cut: list[bool] = []
    slot.set_abort(lambda: cut.append(True))
    for second in range(0, 101, 25):
        slot.measure(float(second), second * pace, has_unsent=True)
    return slot, cut


async def test_the_slowest_goes_where_most_places_are_taken() -> None:
    """A few bytes now and then hold a slot for ever."""
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


async def test_nobody_is_cut_off_while_there_is_room() -> None:
    """Slow downloads are not cut off while there is room."""
    limit = made(100, 100, SLOW)
    async with AsyncExitStack() as held:
        _, cut = await measured(held, limit, "192.0.2.1", 0)
        for number in range(70):
            await held.enter_async_context(
                limit.acquire(ip_address(f"198.51.100.{number}"))
            )
        assert not cut


def test_time_counts_while_the_client_is_waited_for() -> None:
    """A slow disk makes a fast client look slow."""
    slot = DownloadSlot((None, None), 100)
    for second in range(0, 500, 25):
        slot.measure(float(second), 0, has_unsent=second % 50 == 0)
    assert slot.bytes_per_second is None
    for second in range(500, 625, 25):
        slot.measure(float(second), 10 * (second - 475), has_unsent=True)
    assert slot.bytes_per_second == 10
