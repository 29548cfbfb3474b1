"""Writer of a response that counts the bytes of its body that were sent.

aiohttp counts an answer's head, and the frames of its chunks, with its body;
and what it could not write any more, too.
"""

from typing import Any

from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter


class Writer(StreamWriter):
    """Counts the bytes of a body that were handed to an open connection."""

    body_bytes = 0
    began = False
    """Whether anything of the answer was handed over."""

    async def write(
        self,
        chunk: Any,  # noqa: ANN401 - whatever is a buffer
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

    async def write_whole(self, answer: bytes, head_bytes: int) -> None:
        """Write an answer that has its head in its bytes."""
        self.body_bytes -= head_bytes if self._is_open() else 0
        await self.write_eof(answer)

    def passed(self, count: int) -> None:
        """Count bytes of the body that were sent past this writer."""
        self.output_size += count
        self.body_bytes += count

    def _write(self, chunk: Any) -> None:  # noqa: ANN401 - as above
        self.began = self.began or self._is_open()
        super()._write(chunk)

    def _writelines(self, chunks: Any) -> None:  # noqa: ANN401 - as above
        self.began = self.began or self._is_open()
        super()._writelines(chunks)

    def _is_open(self) -> bool:
        transport = self._protocol.transport
        return transport is not None and not transport.is_closing()


def passed(writer: AbstractStreamWriter, count: int) -> None:
    """Count bytes of a body that were sent past its writer."""
    if isinstance(writer, Writer):
        writer.passed(count)
    else:
        writer.output_size += count
