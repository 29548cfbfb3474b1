# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files from samples: ffmpeg encodes, mutagen writes the tags.

The same samples give the same bytes, as far as the encoder at hand does.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mutagen

from demo.tones import RATE, Samples

_ENCODERS: Final = {
    ".mp3": "-c:a libmp3lame -q:a 7",
    ".ogg": "-c:a libvorbis -q:a 1.5",
    ".opus": "-c:a libopus -b:a 60k",
    ".m4a": "-c:a aac -b:a 88k -movflags +faststart",
    # Soft pieces, with nothing above 8 kHz: lossless need not be large.
    ".flac": "-c:a flac -ar 16000 -sample_fmt s16 -compression_level 12",
}


@dataclass(frozen=True, slots=True)
class Tags:
    """What a track says of itself."""

    title: str
    artist: str
    album: str
    number: int
    date: str


def encode(sound: Samples, path: Path, tags: Tags) -> None:
    """Write (samples, 2) to `path`, in the format its suffix names.

    Raises subprocess.CalledProcessError where ffmpeg will not.
    """
    source = f"-f f32le -ar {RATE} -ac 2 -i -"
    same = "-map_metadata -1 -fflags +bitexact -flags:a +bitexact"
    command = f"ffmpeg -v error -y {source} {same} {_ENCODERS[path.suffix]}"
    subprocess.run(
        [*command.split(), str(path)],
        input=sound.astype("<f4").tobytes(),
        check=True,
    )
    _tag(path, tags)


def _tag(path: Path, tags: Tags) -> None:
    audio = mutagen.File(path, easy=True)
    if audio.tags is None:
        audio.add_tags()
    audio["title"] = tags.title
    audio["artist"] = tags.artist
    audio["album"] = tags.album
    audio["tracknumber"] = str(tags.number)
    audio["date"] = tags.date
    audio.save()
