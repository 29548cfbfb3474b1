"""QR codes of receipts: drawn in a thread, and kept.

One takes some 20 ms of computing, which is too long for everybody else to
wait, and for anybody to ask for as often as they like.
"""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import segno
from markupsafe import Markup

from msrv.tasks import SerialExecutor

MAX_ADDRESS_BYTES: Final = 1200
"""A longer address makes a code too fine to scan from a phone's screen."""
MAX_WAITING: Final = 32
"""Of more that are asked for at once, the pages are shown without."""
_MAX_KEPT: Final = 256
"""Each is some 20 kB."""


class QRCodes:
    """The codes of the addresses that were asked for last."""

    def __init__(self, draw: Callable[[str], Markup] | None = None) -> None:
        self._draw = draw or draw_svg
        # A thread of its own: one is drawn at a time, whoever asks.
        self._thread = SerialExecutor("msrv-qr")
        self._kept: OrderedDict[str, Markup] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[Markup]] = {}

    async def of(self, address: str) -> Markup | None:
        """Return the code of an address as SVG.

        None where the address is too long for one, or too many are waited
        for.
        """
        if len(address) > MAX_ADDRESS_BYTES:
            return None
        kept = self._kept.get(address)
        if kept is not None:
            self._kept.move_to_end(address)
            return kept
        waiting = self._waiting.get(address)
        if waiting is None:
            if len(self._waiting) >= MAX_WAITING:
                return None
            waiting = asyncio.ensure_future(
                self._thread.call(self._draw, address)
            )
            self._waiting[address] = waiting
            waiting.add_done_callback(lambda done: self._keep(address, done))
        # Who leaves doesn't take it from others who wait.
        return await asyncio.shield(waiting)

    def close(self) -> None:
        """Draw no more."""
        self._thread.close()

    def _keep(self, address: str, done: asyncio.Future[Markup]) -> None:
        del self._waiting[address]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[address] = done.result()
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)


def draw_svg(address: str) -> Markup:
    """Draw an address as a QR code, in SVG."""
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
