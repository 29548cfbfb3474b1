# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of previews: a clip, and its waveform beside it.

Apart from `previews`, which makes them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from msrv.files import refuse_almost_full, write_file


@dataclass(frozen=True, slots=True)
class Clip:
    """A preview on disk: MP3 (`audio/mpeg`).

    `etag` is a strong entity tag with its quotes. The file may be deleted at
    any time, as it is in a cache; request the clip again then.
    """

    path: Path
    size_bytes: int
    etag: str


def clip_of(path: Path, data: bytes) -> Clip:
    """Return the clip in a file with these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return Clip(path, len(data), f'"{digest[:32]}"')


def load_clip(path: Path, known: Clip | float | None) -> Clip | None:
    """Return a clip on disk, which is read unless it is `known`."""
    try:
        if not waveform_path(path).exists():
            return None
        if isinstance(known, Clip) and path.stat().st_size == known.size_bytes:
            return known
        return clip_of(path, path.read_bytes())
    except OSError:
        return None


def waveform_path(clip: Path) -> Path:
    """Return the path of the waveform of a clip."""
    return clip.with_suffix(".svg")


def save_clip(path: Path, data: bytes, svg: bytes, *, is_copy: bool) -> Clip:
    """Save a clip after its waveform. Raises OSError.

    A copy of the bucket's is saved only while its disk has space.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_copy:
        refuse_almost_full(path.parent)
    write_file(waveform_path(path), svg, durable_name=False)
    write_file(path, data, durable_name=False)
    return clip_of(path, data)
