# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of `listen` and `clip`, in `store.toml` and `release.toml`.

Apart from `fields`, which knows no tracks.
"""

import re
from typing import Annotated, Final

from pydantic import PlainValidator

from msrv.catalog.model import ListeningMode

MAX_CLIP_SECONDS: Final = 120

_CLIP: Final = re.compile(r"(\d{1,3}):([0-5]\d)-(\d{1,3}):([0-5]\d)")


def _checked_mode(value: object) -> ListeningMode:
    if not isinstance(value, str) or value not in set(ListeningMode):
        names = ", ".join(repr(str(each)) for each in ListeningMode)
        raise ValueError(f"must be one of {names}")
    return ListeningMode(value)


def _parsed_clip(value: object) -> tuple[int, int]:
    """Return the first and the last second of a part of a track."""
    match = _CLIP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a part of the track, like '0:45-1:15'")
    minutes, seconds, end_minutes, end_seconds = map(int, match.groups())
    start, end = 60 * minutes + seconds, 60 * end_minutes + end_seconds
    if not start < end <= start + MAX_CLIP_SECONDS:
        raise ValueError(
            f"must end after it starts, and last {MAX_CLIP_SECONDS} seconds "
            "at most"
        )
    return start, end


Listen = Annotated[ListeningMode, PlainValidator(_checked_mode)]
ClipRange = Annotated[tuple[int, int], PlainValidator(_parsed_clip)]
