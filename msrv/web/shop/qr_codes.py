# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""QR codes of receipts: drawn in a thread, and cached.

Drawing one takes some 20 ms, which would block the loop for too long, and
would be too much work for repeated requests.
"""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from msrv.tasks import SerialExecutor

MAX_ADDRESS_BYTES: Final = 1200
"""A longer address makes a code too fine to scan from a phone's screen."""
MAX_WAITING: Final = 32
"""Bound of the queue; pages beyond it are shown without a code."""
_MAX_CACHED: Final = 256
"""Each is some 20 kB."""


class QRCodes:
    """Cache of the codes of the addresses requested last."""

    def __init__(self, draw: Callable[[str], Markup] | None = None) -> None:
        self._draw = draw or draw_svg
        # One thread, so that one code is drawn at a time.
        self._thread = SerialExecutor("msrv-qr")
        self._cached: OrderedDict[str, Markup] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[Markup]] = {}

    async def of(self, address: str) -> Markup | None:
        """Return the code of an address as SVG.

        None where the address is too long, or too many are queued.
        """
        if len(address) > MAX_ADDRESS_BYTES:
            return None
        cached = self._cached.get(address)
        if cached is not None:
            self._cached.move_to_end(address)
            return cached
        waiting = self._waiting.get(address)
        if waiting is None:
            if len(self._waiting) >= MAX_WAITING:
                return None
            waiting = asyncio.ensure_future(
                self._thread.call(self._draw, address)
            )
            self._waiting[address] = waiting
            waiting.add_done_callback(lambda done: self._store(address, done))
        # A client that disconnects doesn't cancel it for the others.
        return await asyncio.shield(waiting)

    def close(self) -> None:
        """Stop drawing."""
        self._thread.close()

    def _store(self, address: str, done: asyncio.Future[Markup]) -> None:
        del self._waiting[address]
        if done.cancelled() or done.exception() is not None:
            return
        self._cached[address] = done.result()
        while len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)


def draw_svg(address: str) -> Markup:
    """Return an address as a QR code in SVG."""
    import segno  # noqa: PLC0415 - only where there are codes

    out = io.BytesIO()
    segno.make_qr(address, error="l").save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        border=4,
        dark="#000",
        light="#fff",
        svgclass="qr",
        lineclass=None,
    )
    # segno writes numbers and these constants, nothing of the address.
    return Markup(out.getvalue().decode())  # noqa: S704
