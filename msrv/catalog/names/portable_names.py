# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of files and folders that every system accepts.

Apart, since the ZIP of a release needs them, and so do new folders.
"""

import re
import unicodedata
from typing import Final

from msrv.catalog.names.truncation import MAX_BYTES, truncate

_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|]+')
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE
)


def portable_name(name: str, suffix: str = "") -> str:
    """Return a name that works on any system; `suffix` has its dot."""
    text = truncate(
        allowed_text(name), MAX_BYTES, MAX_BYTES - len(suffix.encode())
    )
    text = text.strip(" .")
    if not text or _RESERVED.fullmatch(text + suffix):
        text = f"_{text}"
    return text + suffix


def allowed_text(text: str) -> str:
    """Return text with only characters that names may have anywhere."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(_FORBIDDEN.sub("-", text).split())
