# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Event loop that looks host names up in threads of their own.

Libraries look up the hosts of the database, the mail server and the payment
provider by the loop. A lookup can't be cancelled: while the name servers don't
respond, it occupies its thread for longer than anything waits for it, and in
the loop's default threads it would block downloads. Lookups of one host at a
time are one lookup, so that a dead host occupies one thread. Apart from
`addresses`, whose resolver is for hosts that others chose.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msrv.outbound.addresses import MAX_LOOKUPS


class LookupLoop(asyncio.SelectorEventLoop):
    """The event loop of the store, for `asyncio.Runner`."""

    def __init__(self) -> None:
        super().__init__()
        self._lookups = ThreadPoolExecutor(MAX_LOOKUPS, "host lookup")
        self._running: dict[tuple[Any, ...], asyncio.Future[list[Any]]] = {}

    async def getaddrinfo(
        self,
        host: Any,  # noqa: ANN401 - as asyncio's
        port: Any,  # noqa: ANN401 - as asyncio's
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - as asyncio's
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Resolve a host name, as `socket.getaddrinfo` does."""
        key = host, port, family, type, proto, flags
        lookup = self._running.get(key)
        if lookup is None:
            lookup = self.run_in_executor(
                self._lookups, socket.getaddrinfo, *key
            )
            self._running[key] = lookup
            lookup.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(lookup)

    def close(self) -> None:
        """Close the loop; its lookups are no longer awaited."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _forget(
        self, key: tuple[Any, ...], done: asyncio.Future[list[Any]]
    ) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # retrieved, also if nothing waits any more
