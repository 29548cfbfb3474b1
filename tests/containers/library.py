# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library of the stacks: odd file names, and files that take long to send."""

import os
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
LONG_BYTES: Final = 192 * MIB
HUGE_BYTES: Final = 8 << 30
MARK_AT: Final = 5 << 30
MARK: Final = b"five gigabytes in"

ODD_NAMES: Final = {
    "spaces": "a  name with spaces .bin",
    "quotes": "\"double\" and 'single' `back`.bin",
    "percent": "100%25 %2e%2e %zz.bin",
    "question": "what? is? this?x=1&y=2.bin",
    "hash": "number #9 #.bin",
    "letters": "Żółć 音楽 \N{EN DASH} 👩\u200d👧 e\u0301.bin",
    "newline": "two\nlines\r\nand a\ttab.bin",
    "dots": "a..dots...bin",
    "backslash": "back\\slash;semi:colon|pipe.bin",
    "variables": "$host ${NONCE} {braces} @at.bin",
    # TOML can't express this name, so its id is derived from it.
    "bytes": os.fsdecode(b"bytes \xff\xfe that are not UTF-8.bin"),
}


def create_library(root: Path) -> None:
    """Write the library."""
    odd = root / "Odd ?#% Names"
    odd.mkdir(parents=True)
    lines = ['id = "odd"', 'item_price = "1.00"']
    for item, name in ODD_NAMES.items():
        (odd / name).write_bytes(f"{item}: ".encode() + os.urandom(5000))
        if item != "bytes":
            lines += [f'[items."{name.translate(_ESCAPES)}"]']
            lines += [f'id = "{item}"']
    (odd / "release.toml").write_text("\n".join(lines), "utf-8")
    long = root / "Long"
    long.mkdir()
    (long / "Long.bin").write_bytes(os.urandom(LONG_BYTES))
    (long / "Short.bin").write_bytes(b"short")
    (long / "release.toml").write_text(
        'id = "pack"\n[items."Long.bin"]\nid = "long"\n'
        '[items."Short.bin"]\nid = "short"\n',
        "utf-8",
    )
    (root / "store.toml").write_text(
        'name = "Dock"\ncontact = "dock@example.org"\n', "utf-8"
    )


def add_huge_release(root: Path) -> Path:
    """Add a release of eight gigabytes, all at once; return its folder."""
    huge = root.with_name("Huge")
    huge.mkdir()
    with (huge / "Huge.bin").open("wb") as file:
        file.truncate(HUGE_BYTES)
        file.seek(MARK_AT)
        file.write(MARK)
    (huge / "Tail.bin").write_bytes(b"what follows")
    (huge / "release.toml").write_text(
        'id = "huge-pack"\n[items."Huge.bin"]\nid = "huge"\n'
        '[items."Tail.bin"]\nid = "tail"\n',
        "utf-8",
    )
    return huge.rename(root / "Huge")


_ESCAPES: Final = str.maketrans(
    {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
)
