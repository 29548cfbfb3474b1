# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Response writer that counts the bytes of the body that were sent.

aiohttp's own count includes the headers, the framing of chunks, and bytes
written after the client disconnected.
"""

from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter


class CountingWriter(StreamWriter):
    """Counts the bytes of a body written to an open connection."""

    body_bytes = 0
    has_started = False
    """True once a byte of the response was written."""

    async def write(
        self,
        chunk: Any,  # noqa: ANN401 - any buffer
        *,
        drain: bool = True,
        LIMIT: int = 0x10000,  # noqa: N803 - aiohttp's name
    ) -> None:
        """Write a part of the body."""
        if self._is_open():
            count = memoryview(chunk).nbytes
            if self.length is not None:
                count = min(count, self.length)
            self.body_bytes += count
        await super().write(chunk, drain=drain, LIMIT=LIMIT)

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Write the last part of the body."""
        if chunk and not self._eof and self._is_open():
            self.body_bytes += len(chunk)
        await super().write_eof(chunk)

    async def write_whole(self, response: bytes, head_bytes: int) -> None:
        """Write a whole response, headers included."""
        super()._write(response)
        self.has_started = True
        self.body_bytes += len(response) - head_bytes
        await self.drain()
        self._eof = True

    def count_sent(self, count: int) -> None:
        """Count bytes of the body that were sent without this writer."""
        self.output_size += count
        self.body_bytes += count

    def _write(self, chunk: Any) -> None:  # noqa: ANN401 - as above
        self.has_started = self.has_started or self._is_open()
        super()._write(chunk)

    def _writelines(self, chunks: Any) -> None:  # noqa: ANN401 - as above
        self.has_started = self.has_started or self._is_open()
        super()._writelines(chunks)

    def _is_open(self) -> bool:
        transport = self._protocol.transport
        return transport is not None and not transport.is_closing()


def count_sent(writer: AbstractStreamWriter, count: int) -> None:
    """Count bytes of a body that were sent without its writer."""
    if isinstance(writer, CountingWriter):
        writer.count_sent(count)
    else:
        writer.output_size += count
