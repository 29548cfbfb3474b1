# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PDF, checked by its end (ISO 32000-1, 7.5.5 and Annex H, 3.4.5).

Apart as each format is, with its own specification.
"""

import re
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
)

_LINEARIZED: Final = re.compile(
    rb"/Linearized\s[^>]{0,200}?/L\s+([0-9]{1,15})\b"
)
_END: Final = b"%%EOF"
_TAIL_BYTES: Final = 64 * 1024
_OBJECT: Final = re.compile(rb"[0-9]\s+[0-9]+\s+obj\b")
"""Start of an object: what follows the mark is another part, not junk."""


def read_pdf(source: ByteSource) -> Container:
    """Return the container of a PDF, which ends with `%%EOF`.

    Padding and junk may follow, such as a comment that a server appended.
    """
    stated = _LINEARIZED.search(source.read(0, 1024))
    # The first part of a linearized file has the same mark, which therefore
    # proves little.
    if stated and int(stated[1]) > source.size_bytes:
        return Container(
            "PDF",
            missing=describe_missing_bytes(source.size_bytes, int(stated[1])),
        )
    _, tail = source.read_tail(_TAIL_BYTES)
    _, mark, after = tail.rpartition(_END)
    if mark and not _OBJECT.search(after):
        return Container("PDF")
    return Container("PDF", missing="is cut off: its end (%%EOF) is missing")
