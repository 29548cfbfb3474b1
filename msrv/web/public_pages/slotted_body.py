# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bodies that differ between visitors in one short text, sent many times.

The forms of a release's page have a random `attempt`, so that a button that
is pressed twice places one order. The rest of the page is rendered and
compressed once.

In gzip, the text is a stored block (RFC 1951, section 3.2.4) between the
compressed pieces. So it isn't compressed, and the length of the response
doesn't depend on it.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

LEVEL: Final = 5
"""Level of zlib for whatever is compressed when it is requested."""

_GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_PADDING: Final = b"\0"
"""Byte in place of the text while the pieces are compressed."""
_FINAL_BLOCK: Final = b"\x01\0\0\xff\xff"


@dataclass(frozen=True, slots=True)
class SlottedBody:
    """Body with a text of `slot_bytes` between each two of its `pieces`.

    `packed` are the pieces in deflate, empty where the body isn't compressed.
    """

    pieces: tuple[bytes, ...]
    slot_bytes: int
    packed: tuple[bytes, ...] = ()

    @classmethod
    def split(cls, body: bytes, text: bytes) -> Self:
        """Return the body with a slot in place of each `text` in it."""
        return cls(tuple(body.split(text)), len(text))

    @staticmethod
    def can_split(body: bytes) -> bool:
        """Return whether a body has no NUL, which stands for the text."""
        return _PADDING not in body

    def compress(self) -> Self:
        """Return the body with its pieces compressed."""
        return type(self)(self.pieces, self.slot_bytes, tuple(self._deflate()))

    def _deflate(self) -> Iterator[bytes]:
        # The compressor has to know how far back a piece is that is repeated,
        # so it gets as many bytes in place of the text, and what it makes of
        # them is dropped. No piece can refer to them: none has such a byte.
        packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
        for number, piece in enumerate(self.pieces):
            if number:
                packer.compress(_PADDING * self.slot_bytes)
                packer.flush(zlib.Z_SYNC_FLUSH)
            # Flushed to the end of a byte.
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)

    @property
    def size_bytes(self) -> int:
        """Memory that the body takes, roughly."""
        return sum(map(len, self.pieces)) + sum(map(len, self.packed))

    def fill(self, text: bytes) -> bytes:
        """Return the body with a text in its slots, compressed if it is.

        Raises ValueError for a text of another length.
        """
        if len(text) != self.slot_bytes:
            raise ValueError("a text of another length")
        plain = text.join(self.pieces)
        if not self.packed:
            return plain
        size = self.slot_bytes.to_bytes(2, "little")
        inverted = (self.slot_bytes ^ 0xFFFF).to_bytes(2, "little")
        block = b"\0" + size + inverted + text
        return b"".join(
            (
                _GZIP_HEADER,
                block.join(self.packed),
                _FINAL_BLOCK,
                zlib.crc32(plain).to_bytes(4, "little"),
                (len(plain) & 0xFFFFFFFF).to_bytes(4, "little"),
            )
        )
