# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""One encoding to be made: what of, its limits, and whether it is whole.

Apart from `encoder`, which runs the programs.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from msrv.catalog.encodings.ffmpeg_process import EncodingFailed, MasterInput
from msrv.catalog.encodings.recipes import Recipe
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.ffmpeg import STEREO_FILTER
from msrv.catalog.model import Sound
from msrv.catalog.parsing.replies import clean_message

_HEAD_BYTES: Final = 64 << 20
"""Bytes of an encoding beyond its samples, which a cover may take."""
_MAX_BYTES: Final = (4 << 30) - 1
"""Limit of WAV and AIFF, whose sizes have 32 bits."""
_LENGTH_SECONDS: Final = 0.5
"""By which an encoding may be longer or shorter than its master: encoders add
hundredths of a second at both ends."""


@dataclass(frozen=True, slots=True)
class EncodingTask:
    """A master's sound and length, and the format, tags and cover to write.

    `seconds` is 0 for an unknown length. `gain_db` changes the samples; 0
    leaves them as they are. `skips_errors` is the analysis's.
    """

    recipe: Recipe
    sound: Sound
    seconds: float
    master_name: str
    tags: TrackTags
    cover: bytes = b""
    gain_db: float = 0.0
    skips_errors: bool = False

    @property
    def max_bytes(self) -> int:
        """Largest size of the encoding: that of its samples, in 32 bits."""
        if not self.seconds:
            return _MAX_BYTES
        rate = max(self.sound.sample_rate_hz or 0, 48_000)
        samples = self.seconds * rate * (self.sound.channels or 2)
        return int(min(samples * 4 + _HEAD_BYTES, _MAX_BYTES))

    @property
    def is_mixed_down(self) -> bool:
        """True for an encoding in stereo of a master with more channels."""
        options = self.recipe.options(self.sound)
        return self.is_surround and ("-ac", "2") in pairwise(options)

    @property
    def is_surround(self) -> bool:
        """True if the master has more than two channels."""
        return (self.sound.channels or 2) > 2


def check_reply(reply: dict[str, Any], expected: float) -> None:
    """Raise EncodingFailed unless a whole encoding has its tags.

    The encoding has to be as long as its master, as far as that is known:
    ffmpeg may succeed although it couldn't write all of it.
    """
    for name, is_permanent in (("refused", True), ("unwritable", False)):
        if name in reply:
            raise EncodingFailed(
                f"its tags can't be written: {clean_message(reply[name])}",
                is_permanent=is_permanent,
            )
    seconds = reply.get("seconds")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise EncodingFailed("its tags can't be written")
    if expected and abs(seconds - expected) > _LENGTH_SECONDS:
        raise EncodingFailed(
            f"it would have {seconds:.1f} of {expected:.1f} seconds"
        )


def encoding_arguments(
    task: EncodingTask, source: MasterInput
) -> tuple[str, ...]:
    """Return ffmpeg's arguments: one stream of sound, without metadata.

    A gain is that of the stereo sound that was measured.
    """
    filters = [STEREO_FILTER] if task.is_mixed_down else []
    if task.gain_db:
        filters.append(f"volume={task.gain_db:.2f}dB:precision=float")
    return (
        *("-nostdin", "-v", "error", "-y"),
        *source.arguments(),
        *(("-af", ",".join(filters)) if filters else ()),
        *task.recipe.options(task.sound),
        "file:/dev/stdout",
    )
