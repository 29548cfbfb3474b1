# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stall timeout: aborts a client that receives nothing, never a slow one.

Progress is the number of bytes that the client has acknowledged (TCP_INFO,
Linux). Elsewhere it is the number that has left this process, which grows in
larger steps. TCP_USER_TIMEOUT might do this in the kernel, but in a trial did
not distinguish slow clients from stalled ones.

Apart from `write_buffer`, its one user, which would be too long with it.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from msrv.downloads.concurrency_limit import DownloadSlot

_CHECKS: Final = 4
"""Number of checks in the time of a stall."""


@contextmanager
def stall_timeout(
    transport: asyncio.Transport,
    seconds: float,
    received_bytes: Callable[[asyncio.Transport], int],
    has_unsent: Callable[[asyncio.Transport], bool],
    slot: DownloadSlot | None = None,
) -> Iterator[None]:
    """Abort a transport whose client receives nothing for `seconds`.

    Time counts only while there are bytes for it: a slow disk is not the
    client's fault. `received_bytes` returns what the client has received so
    far, `has_unsent` whether there is more for it. A `slot` is updated, too.
    """
    interval_seconds = seconds / _CHECKS
    if slot is not None:
        interval_seconds = min(interval_seconds, slot.measure_seconds)
        slot.set_abort(transport.abort)
    timer = _StallTimer(
        transport,
        interval_seconds=interval_seconds,
        max_idle_checks=math.ceil(seconds / interval_seconds),
        received_bytes=received_bytes,
        has_unsent=has_unsent,
        slot=slot,
    )
    try:
        yield
    finally:
        timer.cancel()


class _StallTimer:
    """Checks a transport at intervals until it is cancelled."""

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        interval_seconds: float,
        max_idle_checks: int,
        received_bytes: Callable[[asyncio.Transport], int],
        has_unsent: Callable[[asyncio.Transport], bool],
        slot: DownloadSlot | None,
    ) -> None:
        self._transport = transport
        self._interval_seconds = interval_seconds
        self._count_received = received_bytes
        self._has_unsent = has_unsent
        self._max_idle_checks = max_idle_checks
        self._slot = slot
        self._received_bytes = -1
        self._idle_checks = 0
        self._schedule()

    def cancel(self) -> None:
        self._timer.cancel()

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._interval_seconds, self._check)

    def _check(self) -> None:
        received_bytes = self._count_received(self._transport)
        has_unsent = self._has_unsent(self._transport)
        if self._slot is not None:
            now = asyncio.get_running_loop().time()
            self._slot.measure(now, received_bytes, has_unsent=has_unsent)
        if has_unsent and received_bytes == self._received_bytes:
            self._idle_checks += 1
        else:
            self._received_bytes, self._idle_checks = received_bytes, 0
        if self._idle_checks >= self._max_idle_checks:
            self._transport.abort()
        else:
            self._schedule()
