# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Loudness of tracks by EBU R128, and the gain that brings them to one level.

The level is that of ReplayGain 2.0, so that gains of tags and of measurements
agree. https://wiki.hydrogenaudio.org/index.php?title=ReplayGain_2.0_specification
"""

import math
import re
from dataclasses import dataclass
from typing import Final

TARGET_LUFS: Final = -18.0
MAX_TRUE_PEAK_DB: Final = -1.0
"""Highest peak after a gain: a lossy format may add some tenths."""
MAX_GAIN_DB: Final = 20.0
"""Gain of what is almost silent, whose noise would be heard otherwise."""
MIN_GAIN_DB: Final = -40.0
_GATE_LUFS: Final = -70.0
"""Loudness that ffmpeg prints where nothing is louder."""
_LOWEST_PEAK_DB: Final = -120.0
_LOUDNESS: Final = re.compile(r"\bI:\s+(-?[0-9]{1,3}\.[0-9]+) LUFS")
_PEAK: Final = re.compile(r"\bPeak:\s+(-?[0-9]{1,3}\.[0-9]+|-inf) dBFS")


@dataclass(frozen=True, slots=True)
class Loudness:
    """Integrated loudness of a track in LUFS, and its true peak in dBTP."""

    integrated_lufs: float
    true_peak_db: float

    @property
    def is_silent(self) -> bool:
        """True if nothing is loud enough to be measured."""
        return self.integrated_lufs <= _GATE_LUFS

    @property
    def gain_db(self) -> float:
        """Gain that brings the track to the level, 0 for silence."""
        if self.is_silent:
            return 0.0
        return round(TARGET_LUFS - self.integrated_lufs, 2)

    @property
    def peak(self) -> float:
        """True peak as a factor, 1 for full scale."""
        return round(math.pow(10, self.true_peak_db / 20), 6)


def parse_loudness(messages: str) -> Loudness | None:
    """Return the summary that ffmpeg's filter `ebur128` prints last.

    None where there is none. What a hostile file prints before it, as its
    title, doesn't count.
    """
    loudness, peak = _LOUDNESS.findall(messages), _PEAK.findall(messages)
    if not loudness or not peak:
        return None
    return Loudness(
        max(float(loudness[-1]), _GATE_LUFS),
        max(float(peak[-1]), _LOWEST_PEAK_DB),
    )


def playing_gain(
    loudness: Loudness | None, tagged_gain_db: float | None
) -> float:
    """Return the gain in dB with which a track is played.

    That of its tags, if there is one, or else the measured one; less if its
    peaks would be clipped. 0 for a track that couldn't be measured.
    """
    if loudness is None or loudness.is_silent:
        return 0.0
    wanted = loudness.gain_db if tagged_gain_db is None else tagged_gain_db
    wanted = min(wanted, MAX_GAIN_DB, MAX_TRUE_PEAK_DB - loudness.true_peak_db)
    return round(max(wanted, MIN_GAIN_DB), 2)
