"""Small answers, read whole; what was read a moment ago is still at hand.

A hop to a thread and back costs many times what a few hundred bytes cost to
send. So the bytes of small files stay for a second: a file that is gone or
replaced is noticed that much later, and what is sent meanwhile is what its
checksum says.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from msrv.downloads.body import Piece, Stretch
from msrv.downloads.reading import read_all
from msrv.storage.model import Content, Storage

SMALL_BYTES: Final = 64 * 1024
"""The most that an answer has, or a file, to be small. Less than this doesn't
travel alone, either, while more follows: a ZIP's headers, small members."""
FRESH_SECONDS: Final = 1.0
KEPT_BYTES: Final = 8 * 1024 * 1024
"""The most that all of them have together."""


class SmallFiles:
    """Reads small answers; keeps the files they are of."""

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._kept: OrderedDict[Content, tuple[float, bytes]] = OrderedDict()
        self._kept_bytes = 0

    async def read(self, pieces: Sequence[Piece]) -> bytes:
        """Read pieces into one: a few bytes. Raises Gone or Changed."""
        if len(pieces) == 1 and isinstance(pieces[0], Stretch):
            content = pieces[0].content
            if content.size_bytes <= SMALL_BYTES:
                data = self._at_hand(content) or await self._fetch(content)
                return data[pieces[0].start : pieces[0].stop]
        return await asyncio.to_thread(read_all, self._storage, pieces)

    def _at_hand(self, content: Content) -> bytes | None:
        since, data = self._kept.get(content, (-FRESH_SECONDS, None))
        return data if self._clock() < since + FRESH_SECONDS else None

    async def _fetch(self, content: Content) -> bytes:
        since = self._clock()
        whole = [Stretch(content, 0, content.size_bytes)]
        data = await asyncio.to_thread(read_all, self._storage, whole)
        _, old = self._kept.pop(content, (0.0, b""))
        self._kept[content] = since, data
        self._kept_bytes += len(data) - len(old)
        while self._kept_bytes > KEPT_BYTES:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)
        return data
