# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Waveform of a track: the peaks of equal parts, drawn as an SVG."""

import sys
from array import array
from itertools import pairwise
from typing import Final

SAMPLE_RATE_HZ: Final = 8000
"""Rate of the samples: enough for a picture, and a fifth of the work."""
PEAKS: Final = 240
"""Number of peaks that are drawn."""
MAX_PEAK: Final = 100
_BLOCKS_PER_SECOND: Final = 50
_MAX_BLOCKS: Final = _BLOCKS_PER_SECOND * 48 * 3600


class PeakMeter:
    """Meter of the peaks in signed samples of 16 bits, in order of bytes `le`.

    It takes them in parts of any length, and keeps one number for each
    fiftieth of a second, of all channels; two days at most.
    """

    def __init__(self, channels: int) -> None:
        samples = SAMPLE_RATE_HZ // _BLOCKS_PER_SECOND * channels
        self._block_bytes = 2 * samples
        self._frame_bytes = 2 * channels
        self._added_bytes = 0
        self._rest = bytearray()
        self._blocks = array("H")

    def add(self, data: bytes) -> None:
        """Add samples."""
        self._added_bytes += len(data)
        self._rest += data
        whole = len(self._rest) // self._block_bytes * self._block_bytes
        samples = _samples(bytes(self._rest[:whole]))
        del self._rest[:whole]
        if len(self._blocks) > _MAX_BLOCKS:
            return
        step = self._block_bytes // 2
        self._blocks.extend(
            _peak(samples[start : start + step])
            for start in range(0, len(samples), step)
        )

    @property
    def seconds(self) -> float:
        """Length of all samples, rounded to milliseconds."""
        samples = self._added_bytes // self._frame_bytes
        return round(samples / SAMPLE_RATE_HZ, 3)

    def peaks(self, count: int = PEAKS) -> bytes:
        """Return `count` peaks, 0 to MAX_PEAK: the highest has that.

        Empty for silence.
        """
        blocks, length = self._blocks, len(self._blocks)
        highest = max(blocks, default=0)
        if not highest:
            return b""
        starts = [length * at // count for at in range(count + 1)]
        return bytes(
            round(
                max(blocks[start : max(end, start + 1)]) * MAX_PEAK / highest
            )
            for start, end in pairwise(starts)
        )


def draw_waveform(peaks: bytes) -> bytes:
    """Return an SVG of peaks, a symmetric area of one colour.

    It fills its box in both directions. Pages clip a bar to its path.
    """
    width = len(peaks)
    # A line where it is silent, too.
    heights = [max(each, 2) for each in peaks]
    upper = " ".join(
        f"{at} {MAX_PEAK - height}" for at, height in enumerate(heights)
    )
    lower = " ".join(
        f"{at} {MAX_PEAK + height}"
        for at, height in reversed(list(enumerate(heights)))
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width - 1} {2 * MAX_PEAK}" '
        'preserveAspectRatio="none" fill="currentColor">'
        f'<path d="M{upper} {lower}z"/></svg>\n'
    ).encode("ascii")


def _samples(data: bytes) -> "array[int]":
    found = array("h", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _peak(samples: "array[int]") -> int:
    highest, lowest = max(samples), min(samples)
    return max(highest, -lowest)
