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
_END_BYTES: Final = 1024
"""Distance from the end within which readers of PDF look for `%%EOF`."""
_PADDING_BYTES: Final = 64 * 1024


def read_pdf(source: ByteSource) -> Container:
    """Return the container of a PDF, which ends with `%%EOF` and padding."""
    stated = _LINEARIZED.search(source.read(0, 1024))
    # The first part of a linearized file has the same mark, which therefore
    # proves little.
    if stated and int(stated[1]) > source.size_bytes:
        return Container(
            "PDF",
            missing=describe_missing_bytes(source.size_bytes, int(stated[1])),
        )
    _, tail = source.read_tail(_PADDING_BYTES)
    end = tail.rstrip(b"\0 \t\r\n\f\x1a")[-_END_BYTES:]
    if b"%%EOF" in end:
        return Container("PDF")
    return Container("PDF", missing="is cut off: its end (%%EOF) is missing")
