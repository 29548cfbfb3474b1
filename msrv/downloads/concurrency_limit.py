# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Concurrency limit of downloads, in total and per client.

A client is an IPv4 address or a /64 of IPv6: the addresses of one home network
or one server. Requests without an address count as one client.

- The last tenth of all slots is reserved for clients without one.
- A client's buyers share its slots: beyond its limit, a quarter more is for
  buyers with few, so that one who downloads an album doesn't shut out the
  others behind that address.
- A request without a slot waits for a moment, since slots are released all the
  time; those whose buyer has fewest are first.
- While most slots are in use, each new download evicts the slowest one, if it
  has been slower than the minimum speed for minutes. It can be resumed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from aiohttp import web

from msrv.rate_limit import Address, client_network

WAIT_SECONDS: Final = 3.0
"""Time to wait for a slot."""
MAX_WAITING: Final = 256
"""Limit of waiting downloads, in total."""
MAX_WAITING_OF_CLIENT: Final = 16
_RESERVED_SHARE: Final = 10
_EXTRA_SHARE: Final = 4
_CROWDED: Final = 0.8
_KeyT = TypeVar("_KeyT", bound=Hashable)


class DownloadLimitReached(Exception):
    """A limit of concurrent downloads is reached."""


class StoreLimitReached(DownloadLimitReached):
    """The limit in total is reached."""


class ClientLimitReached(DownloadLimitReached):
    """The limit of this client is reached."""


@dataclass(frozen=True, slots=True)
class MinimumSpeed:
    """Speed below which a download is slow, measured over `seconds`."""

    bytes_per_second: float = 0.0
    seconds: float = 120.0


class DownloadSlot:
    """Slot of a download, which measures the speed of its client."""

    __slots__ = ("_abort", "_seconds", "_since", "bytes_per_second", "key")

    def __init__(self, key: tuple[Hashable, Hashable], seconds: float) -> None:
        self._abort: Callable[[], None] | None = None
        self._seconds = seconds
        self._since: tuple[float, int] | None = None
        self.key = key
        self.bytes_per_second: float | None = None
        """Measured speed, None before the first measurement."""

    @property
    def measure_seconds(self) -> float:
        """Interval at which to call `measure`."""
        return self._seconds / 4

    def set_abort(self, abort: Callable[[], None]) -> None:
        """Set the function that aborts the download."""
        self._abort = abort

    def measure(
        self, now: float, received_bytes: int, *, has_unsent: bool
    ) -> None:
        """Measure the speed from the bytes received so far.

        Time counts only while there are bytes for the client: a slow disk is
        not its fault.
        """
        if not has_unsent or self._since is None:
            self._since = now, received_bytes
            return
        since, received_before = self._since
        if now - since >= self._seconds:
            self.bytes_per_second = (received_bytes - received_before) / (
                now - since
            )
            self._since = now, received_bytes

    @property
    def can_be_evicted(self) -> bool:
        """True if there is a download, and it was not evicted yet."""
        return self._abort is not None

    def evict(self) -> None:
        """Abort the download."""
        abort, self._abort = self._abort, None
        if abort is not None:
            abort()


DOWNLOAD_SLOT: Final = web.RequestKey("download_slot", DownloadSlot)
"""Slot of a request whose response is streamed."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """Buyer that waits for a slot."""

    network: Hashable
    buyer: Hashable
    turn: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class ConcurrencyLimit:
    """Counts and limits the concurrent downloads."""

    def __init__(
        self,
        total: int,
        per_client: int,
        slow: MinimumSpeed | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._total = total
        self._reserved = total // _RESERVED_SHARE
        self._per_client = per_client
        self._extra = max(1, per_client // _EXTRA_SHARE)
        self._slow = slow or MinimumSpeed()
        self._wait_seconds = wait_seconds
        self._slots: dict[DownloadSlot, None] = {}
        self._by_network: Counter[Hashable] = Counter()
        self._by_buyer: Counter[tuple[Hashable, Hashable]] = Counter()
        self._waiting: dict[_Waiter, None] = {}
        self.evicted = 0
        """Number of slow downloads evicted since the start."""

    def __len__(self) -> int:
        """Return the number of slots in use."""
        return len(self._slots)

    @asynccontextmanager
    async def acquire(
        self, client: Address | None, buyer: Hashable = None
    ) -> AsyncIterator[DownloadSlot]:
        """Acquire a slot, waiting a moment if necessary, and release it.

        Raises StoreLimitReached or ClientLimitReached.
        """
        network = client_network(client)
        self._evict_slowest()
        await self._wait_for_slot(network, buyer)
        slot = DownloadSlot((network, buyer), self._slow.seconds)
        self._slots[slot] = None
        self._by_network[network] += 1
        self._by_buyer[slot.key] += 1
        try:
            yield slot
        finally:
            del self._slots[slot]
            # No entries remain for clients without downloads.
            _decrement(self._by_network, network)
            _decrement(self._by_buyer, slot.key)
            self._wake_next()

    def _exceeded_limit(
        self, network: Hashable, buyer: Hashable
    ) -> type[DownloadLimitReached] | None:
        """Return the limit that one more download would exceed, if any."""
        taken = len(self._slots)
        held = self._by_network.get(network, 0)
        own = self._by_buyer.get((network, buyer), 0)
        if taken >= self._total - (self._reserved if held else 0):
            return StoreLimitReached
        most = self._per_client
        if own < min(held, self._extra):
            most += self._extra
        return ClientLimitReached if held >= most else None

    async def _wait_for_slot(self, network: Hashable, buyer: Hashable) -> None:
        """Wait for a slot for a moment. Raises DownloadLimitReached."""
        until = asyncio.get_running_loop().time() + self._wait_seconds
        while (exceeded := self._exceeded_limit(network, buyer)) is not None:
            of_client = sum(each.network == network for each in self._waiting)
            if (
                len(self._waiting) >= MAX_WAITING
                or of_client >= MAX_WAITING_OF_CLIENT
            ):
                raise exceeded
            waiter = _Waiter(network, buyer)
            self._waiting[waiter] = None
            try:
                async with asyncio.timeout_at(until):
                    await waiter.turn
            except TimeoutError:
                raise exceeded from None
            except asyncio.CancelledError:
                if waiter.turn.done():  # pass the slot on
                    self._wake_next()
                raise
            finally:
                self._waiting.pop(waiter, None)

    def _wake_next(self) -> None:
        """Wake the waiter that is next, after a slot was released."""
        able = [
            each
            for each in self._waiting
            if self._exceeded_limit(each.network, each.buyer) is None
        ]
        if able:
            first = min(
                able,
                key=lambda each: self._by_buyer.get(
                    (each.network, each.buyer), 0
                ),
            )
            del self._waiting[first]
            if not first.turn.done():
                first.turn.set_result(None)

    def _evict_slowest(self) -> None:
        """Evict the slowest download, while most slots are in use."""
        if len(self._slots) < _CROWDED * self._total:
            return
        slow = [
            (slot.bytes_per_second, number, slot)
            for number, slot in enumerate(self._slots)
            if slot.can_be_evicted
            and slot.bytes_per_second is not None
            and slot.bytes_per_second < self._slow.bytes_per_second
        ]
        if slow:
            self.evicted += 1
            min(slow)[-1].evict()


def _decrement(counter: Counter[_KeyT], key: _KeyT) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
