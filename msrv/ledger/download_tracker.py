# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Download tracker: counts downloads by the bytes that were sent.

A sender reports each byte range that it sent. The ranges of a second are
united, and spooled as one event. Reporting is a dictionary look-up and an
append: it waits for nothing, so tracking never slows a download or makes it
fail. Everything is bounded, and what exceeds a bound is dropped and counted.
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
from msrv.ledger.intervals import union
from msrv.rate_limit import Limit, RateLimiter, RecentKeys

log = logging.getLogger(__name__)

FLUSH_SECONDS: Final = 1.0
MAX_ITEMS: Final = 10_000
_MAX_RANGES: Final = 128
# Anyone who orders free items may create a row for each order and item, so
# their number is bounded: 70 MB a day.
NEW_DOWNLOADS: Final = Limit(burst=100_000, interval_ms=250)
_KNOWN_SECONDS: Final = 24 * 3600
_MAX_KNOWN: Final = 20_000

_Key = tuple[str, str, str, int]


def content_version(etag: str) -> str:
    """Return the short name of an item's version, derived from its ETag."""
    return sha256(etag.encode()).hexdigest()[:16]


@dataclass(slots=True)
class _SentRanges:
    """Byte ranges of one item that are sent and not spooled yet."""

    at: int
    ranges: list[tuple[int, int]]

    def add(self, sent: tuple[int, int]) -> None:
        self.ranges.append(sent)
        if len(self.ranges) > _MAX_RANGES:
            self.ranges = list(union(self.ranges, most=_MAX_RANGES // 2))


class DownloadTracker:
    """Collects sent byte ranges, and spools them each second.

    `write` spools an event or raises SpoolFailed; `clock` returns Unix
    seconds.
    """

    def __init__(
        self,
        write: Callable[[Delivered], Awaitable[None]],
        clock: Callable[[], int],
        health: Health,
    ) -> None:
        self._write = write
        self._clock = clock
        self._health = health
        self._sent: dict[_Key, _SentRanges] = {}
        self._known = RecentKeys(_KNOWN_SECONDS, max_keys=_MAX_KNOWN)
        self._new = RateLimiter(NEW_DOWNLOADS, NEW_DOWNLOADS)

    def track(
        self, order_id: str, item_id: str, etag: str, size_bytes: int
    ) -> Callable[[tuple[int, int]], None]:
        """Return a callback that counts a byte range of a download as sent.

        Ranges are half-open.
        """
        key = (order_id, item_id, etag, size_bytes)

        def on_sent(sent: tuple[int, int]) -> None:
            known = self._sent.get(key)
            if known is not None:
                known.add((sent[0], sent[1]))
            elif len(self._sent) < MAX_ITEMS and self._may_add(key):
                self._sent[key] = _SentRanges(
                    self._clock(), [(sent[0], sent[1])]
                )
            else:
                self._health.lost_deliveries += 1

        return on_sent

    def _may_add(self, key: _Key) -> bool:
        """Return whether the download has a row, or may get a new one."""
        now = self._clock()
        if not self._known.has(key, now):
            if self._new.wait_seconds(now=now):
                return False
            self._new.spend(now=now)
        self._known.add(key, now)
        return True

    async def run(self) -> None:
        """Flush every second until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:
                # A bug must not stop the tracker.
                log.exception("downloads could not be counted; trying again")

    async def flush(self) -> None:
        """Spool the ranges sent so far; keep those that the disk refuses."""
        sent, self._sent = self._sent, {}
        await asyncio.gather(
            *(self._spool(key, each) for key, each in sent.items())
        )

    async def _spool(self, key: _Key, sent: _SentRanges) -> None:
        order_id, item_id, etag, size_bytes = key
        try:
            await self._write(
                Delivered(
                    order_id,
                    item_id,
                    content_version(etag),
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
            # A bug in the byte ranges must not stop the tracker.
            self._health.lost_deliveries += 1
            log.exception("invalid delivery event")
