# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""QR code of an address on a terminal, two modules to a character.

Apart from `ledger`, whose command prints it: what a terminal can show is
tested by itself.
"""

import os
import shutil
from collections.abc import Sequence
from typing import Final, TextIO

import segno

_BORDER: Final = 2
"""Light modules around the code. ISO/IEC 18004 asks for four, but a terminal
has margins of its own, and phones read codes with less."""
_HALVES: Final = {
    (True, True): "█",
    (True, False): "▀",
    (False, True): "▄",
    (False, False): " ",
}
"""Characters by whether their upper and lower half is drawn."""
_DARK_ON_LIGHT: Final = "\x1b[38;5;16;48;5;231m"
_RESET: Final = "\x1b[0m"


def draw(
    address: str,
    out: TextIO,
    *,
    columns: int | None = None,
    no_color: bool | None = None,
) -> str:
    """Return an address as a QR code, empty where `out` can't show it.

    That is what isn't a terminal, has too few columns, or can't encode block
    characters. With NO_COLOR, nothing but blocks is used, in the terminal's
    own colours; then light modules are drawn, as terminals are mostly dark.
    """
    if not out.isatty() or not _can_encode(out):
        return ""
    rows = [
        [bool(module) for module in row]
        for row in segno.make_qr(address, error="l").matrix_iter(
            border=_BORDER
        )
    ]
    if columns is None:
        columns = shutil.get_terminal_size().columns
    if len(rows[0]) > columns:
        return ""
    if no_color is None:
        no_color = bool(os.environ.get("NO_COLOR"))
    if no_color:
        return "\n".join(_lines(rows, drawn=False))
    return "\n".join(
        f"{_DARK_ON_LIGHT}{line}{_RESET}" for line in _lines(rows, drawn=True)
    )


def _lines(rows: Sequence[Sequence[bool]], *, drawn: bool) -> list[str]:
    """Return two rows of modules as a line each; draw those equal `drawn`."""
    lines = []
    for at in range(0, len(rows), 2):
        upper = rows[at]
        # An odd number of rows ends with one that is light.
        lower = rows[at + 1] if at + 1 < len(rows) else [False] * len(upper)
        lines.append(
            "".join(
                _HALVES[one is drawn, other is drawn]
                for one, other in zip(upper, lower, strict=True)
            )
        )
    return lines


def _can_encode(out: TextIO) -> bool:
    try:
        "".join(_HALVES.values()).encode(out.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
