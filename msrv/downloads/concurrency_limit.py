"""How many downloads may run at once: in all, and for one client.

A client is an IPv4 address or an IPv6 network of 64 bits, which is what one
household or one server has. Where no address is known, all are one client.

- The last tenth of all places is for clients that have none.
- A client's places are shared by its buyers: beyond them there is a quarter
  more for those of several who have few, so that one who downloads an album
  doesn't shut out the others of the household.
- Who finds no place waits for a moment, since places come back all the time;
  first those who have fewest.
- While most places are taken, the slowest download is cut off for each that
  comes, if it has been slower than a modem for minutes. It resumes.
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
"""Time to wait for a place."""
MAX_WAITING: Final = 256
"""Number of downloads that may wait, in all."""
MAX_WAITING_OF_CLIENT: Final = 16
_KEPT_SHARE: Final = 10
_EXTRA_SHARE: Final = 4
_CROWDED: Final = 0.8
_Key = TypeVar("_Key", bound=Hashable)


class DownloadLimitReached(Exception):
    """As many downloads are under way as may be."""


class StoreLimitReached(DownloadLimitReached):
    """The whole store's places are taken."""


class ClientLimitReached(DownloadLimitReached):
    """This client's places are taken."""


@dataclass(frozen=True, slots=True)
class MinimumSpeed:
    """Below how many bytes per second, over how long, a download is slow."""

    bytes_per_second: float = 0.0
    seconds: float = 120.0


class DownloadSlot:
    """One download's place; it learns how fast its client is."""

    __slots__ = ("_cut", "_seconds", "_since", "bytes_per_second", "key")

    def __init__(self, key: tuple[Hashable, Hashable], seconds: float) -> None:
        self._cut: Callable[[], None] | None = None
        self._seconds = seconds
        self._since: tuple[float, int] | None = None
        self.key = key
        self.bytes_per_second: float | None = None
        """None until it is known."""

    @property
    def look_seconds(self) -> float:
        """Interval at which `look` is to be called."""
        return self._seconds / 4

    def set_abort(self, cut: Callable[[], None]) -> None:
        """Set the function that cuts the download off."""
        self._cut = cut

    def look(self, now: float, taken_bytes: int, *, waits: bool) -> None:
        """Learn what the client has taken so far.

        Time counts only while the client is waited for: a slow disk is not
        its fault.
        """
        if not waits or self._since is None:
            self._since = now, taken_bytes
            return
        since, before = self._since
        if now - since >= self._seconds:
            self.bytes_per_second = (taken_bytes - before) / (now - since)
            self._since = now, taken_bytes

    @property
    def can_be_cut(self) -> bool:
        """Whether there is a download, and it wasn't cut off yet."""
        return self._cut is not None

    def cut(self) -> None:
        """Cut the download off."""
        cut, self._cut = self._cut, None
        if cut is not None:
            cut()


DOWNLOAD_SLOT: Final = web.RequestKey("place", DownloadSlot)
"""The place of a request whose answer is sent for a long time."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A buyer who waits for a place."""

    network: Hashable
    buyer: Hashable
    called: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class ConcurrencyLimit:
    """Counts the downloads under way. `clock` counts seconds."""

    def __init__(
        self,
        total: int,
        per_client: int,
        slow: MinimumSpeed | None = None,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._total = total
        self._kept = total // _KEPT_SHARE
        self._per_client = per_client
        self._extra = max(1, per_client // _EXTRA_SHARE)
        self._slow = slow or MinimumSpeed()
        self._wait_seconds = wait_seconds
        self._places: dict[DownloadSlot, None] = {}
        self._of_network: Counter[Hashable] = Counter()
        self._of_buyer: Counter[tuple[Hashable, Hashable]] = Counter()
        self._waiting: dict[_Waiting, None] = {}
        self.cut = 0
        """Number of slow downloads cut off, since the start."""

    def __len__(self) -> int:
        """Count the places that are taken."""
        return len(self._places)

    @asynccontextmanager
    async def take(
        self, client: Address | None, buyer: Hashable = None
    ) -> AsyncIterator[DownloadSlot]:
        """Hold a place, after a moment's wait where there is none.

        Raises StoreLimitReached or ClientLimitReached.
        """
        network = client_network(client)
        self._make_room()
        await self._wait(network, buyer)
        place = DownloadSlot((network, buyer), self._slow.seconds)
        self._places[place] = None
        self._of_network[network] += 1
        self._of_buyer[place.key] += 1
        try:
            yield place
        finally:
            del self._places[place]
            # Whoever has left leaves nothing.
            _less(self._of_network, network)
            _less(self._of_buyer, place.key)
            self._call()

    def _lack(
        self, network: Hashable, buyer: Hashable
    ) -> type[DownloadLimitReached] | None:
        """Return which place is lacking for one more, if any is."""
        taken = len(self._places)
        held = self._of_network.get(network, 0)
        own = self._of_buyer.get((network, buyer), 0)
        if taken >= self._total - (self._kept if held else 0):
            return StoreLimitReached
        most = self._per_client
        if own < min(held, self._extra):
            most += self._extra
        return ClientLimitReached if held >= most else None

    async def _wait(self, network: Hashable, buyer: Hashable) -> None:
        """Wait for a place. Raises DownloadLimitReached after a moment."""
        until = asyncio.get_running_loop().time() + self._wait_seconds
        while (lack := self._lack(network, buyer)) is not None:
            of_client = sum(each.network == network for each in self._waiting)
            if (
                len(self._waiting) >= MAX_WAITING
                or of_client >= MAX_WAITING_OF_CLIENT
            ):
                raise lack
            mine = _Waiting(network, buyer)
            self._waiting[mine] = None
            try:
                async with asyncio.timeout_at(until):
                    await mine.called
            except TimeoutError:
                raise lack from None
            except asyncio.CancelledError:
                if mine.called.done():  # the place is another's
                    self._call()
                raise
            finally:
                self._waiting.pop(mine, None)

    def _call(self) -> None:
        """Call one of those who wait, for a place that came back."""
        able = [
            each
            for each in self._waiting
            if self._lack(each.network, each.buyer) is None
        ]
        if able:
            first = min(
                able,
                key=lambda each: self._of_buyer.get(
                    (each.network, each.buyer), 0
                ),
            )
            del self._waiting[first]
            if not first.called.done():
                first.called.set_result(None)

    def _make_room(self) -> None:
        """Cut off the slowest download, while most places are taken."""
        if len(self._places) < _CROWDED * self._total:
            return
        slow = [
            (place.bytes_per_second, number, place)
            for number, place in enumerate(self._places)
            if place.can_be_cut
            and place.bytes_per_second is not None
            and place.bytes_per_second < self._slow.bytes_per_second
        ]
        if slow:
            self.cut += 1
            min(slow)[-1].cut()


def _less(counter: Counter[_Key], key: _Key) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
