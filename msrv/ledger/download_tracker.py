"""Downloads as people mean them: counted by the bytes that have left.

A sender says which bytes went out; here they are put together for a second
and then spooled. It is a look-up and an append: it waits for nothing, and a
download is never slower or worse for it. What is too much is forgotten.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Delivered
from msrv.ledger.health import Health
from msrv.ledger.intervals import Intervals, union
from msrv.rate_limit import Limit, RateLimiter, RecentKeys

log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 1.0
MAX_ITEMS: Final = 10_000
_MAX_LOOSE: Final = 128
# Whoever orders what is free can have a row for each order and item, so there
# is a bound on them: 70 MB a day.
NEW_DOWNLOADS: Final = Limit(burst=100_000, interval_ms=250)
_KNOWN_SECONDS: Final = 24 * 3600
_MAX_KNOWN: Final = 20_000

_Key = tuple[str, str, str, int]


def version_of(etag: str) -> str:
    """Name a version of an item by its entity tag."""
    return sha256(etag.encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Sent:
    """What has left of one item and is not spooled yet."""

    at: int
    ranges: list[tuple[int, int]]

    def add(self, sent: tuple[int, int]) -> None:
        self.ranges.append(sent)
        if len(self.ranges) > _MAX_LOOSE:
            together: Intervals = union(self.ranges, most=_MAX_LOOSE // 2)
            self.ranges = list(together)


class Delivery:
    """Gathers what has left. `write` spools an event, or fails."""

    def __init__(
        self,
        write: Callable[[Delivered], Awaitable[None]],
        clock: Callable[[], int],
        health: Health,
    ) -> None:
        self._write = write
        self._clock = clock
        self._health = health
        self._sent: dict[_Key, _Sent] = {}
        self._known = RecentKeys(_KNOWN_SECONDS, max_keys=_MAX_KNOWN)
        self._new = RateLimiter(NEW_DOWNLOADS, NEW_DOWNLOADS)

    def on_sent(
        self, order_id: str, item_id: str, etag: str, size_bytes: int
    ) -> Callable[[tuple[int, int]], None]:
        """Give what to tell of each range of a representation that left."""

        def tell(sent: tuple[int, int]) -> None:
            key = (order_id, item_id, etag, size_bytes)
            known = self._sent.get(key)
            if known is not None:
                known.add((sent[0], sent[1]))
            elif len(self._sent) < MAX_ITEMS and self._may_add(key):
                self._sent[key] = _Sent(self._clock(), [(sent[0], sent[1])])
            else:
                self._health.lost_deliveries += 1

        return tell

    def _may_add(self, key: _Key) -> bool:
        """Whether there is a row for this download, or may be another."""
        now = self._clock()
        if not self._known.has(key, now):
            if self._new.wait_seconds(now=now):
                return False
            self._new.spend(now=now)
        self._known.add(key, now)
        return True

    async def run(self) -> None:
        """Spool what has left, again and again, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:
                # A mistake of ours must not end the counting.
                log.exception("deliveries could not be counted")

    async def flush(self) -> None:
        """Spool what has left so far; what can't be is kept for later."""
        sent, self._sent = self._sent, {}
        await asyncio.gather(
            *(self._spool(key, each) for key, each in sent.items())
        )

    async def _spool(self, key: _Key, sent: _Sent) -> None:
        order_id, item_id, etag, size_bytes = key
        try:
            await self._write(
                Delivered(
                    order_id,
                    item_id,
                    version_of(etag),
                    size_bytes,
                    union(sent.ranges),
                    sent.at,
                )
            )
        except SpoolFailed:
            known = self._sent.setdefault(key, sent)
            if known is not sent:
                known.ranges = list(union(known.ranges, sent.ranges))
        except ValueError:
            # A mistake of ours about bytes must not end the counting.
            self._health.lost_deliveries += 1
            log.exception("a delivery that can't be")
