# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ReplayGain in tags: the keys of all kinds of tags, and the values.

Apart from `tags`, whose other fields are texts; the writer of tags has the
same keys. https://wiki.hydrogenaudio.org/index.php?title=ReplayGain_2.0_specification
"""

import math
import re
from typing import Final

_ITUNES: Final = "----:com.apple.iTunes:"


def _keys(name: str) -> tuple[str, ...]:
    upper = f"REPLAYGAIN_{name}_GAIN"
    lower = upper.lower()
    return (
        lower,
        *(f"TXXX:{upper}", f"TXXX:{lower}"),
        *(f"{_ITUNES}{lower}", f"{_ITUNES}{upper}"),
    )


TRACK_KEYS: Final = _keys("TRACK")
ALBUM_KEYS: Final = _keys("ALBUM")
"""Keys of a gain, in Vorbis comments and APEv2, ID3 and MP4."""
R128_TRACK_KEYS: Final = ("r128_track_gain",)
R128_ALBUM_KEYS: Final = ("r128_album_gain",)
"""Keys of a gain in Opus."""
R128_UNITS: Final = 256
R128_OFFSET_DB: Final = 5
"""Opus states units of 1/256 dB, to -23 LUFS and not to -18 (RFC 7845)."""
_MAX_DB: Final = 60.0
_DECIBELS: Final = re.compile(
    r"([+-]?[0-9]{1,2}(?:[.,][0-9]{1,6})?)\s*(?:dB)?", re.IGNORECASE
)
_R128: Final = re.compile(r"[+-]?[0-9]{1,5}")


def gain_db(replay_gain: str, r128: str) -> float | None:
    """Return the gain in dB that tags state, None without a valid one.

    `replay_gain` is like `-6.20 dB`, where the unit may be missing. Without
    that, it is `r128`, a number in Opus's units.
    """
    match = _DECIBELS.fullmatch(replay_gain)
    if match:
        found = float(match[1].replace(",", "."))
    elif _R128.fullmatch(r128):
        found = int(r128) / R128_UNITS + R128_OFFSET_DB
    else:
        return None
    return round(found, 2) if math.fabs(found) <= _MAX_DB else None
