# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facts of a track: its tags, or else the data of its container.

Apart from `library.indexing`, which hashes files of all kinds.

Unreadable tags, pictures or chapters don't spoil the audio: a file with an
intact container is sold by its name, with a note on what couldn't be read.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO, Final

from msrv.catalog.integrity.container_info import Container
from msrv.catalog.metadata.riff_info import read_riff_info
from msrv.catalog.metadata.tags import (
    MAX_SECONDS,
    NotAudio,
    Tags,
    merge_tags,
)
from msrv.catalog.names.media_types import AUDIO_TYPES

_MEASURED: Final = frozenset({"audio/aiff", "audio/mpeg", "audio/wav"})
"""Types whose tags come with a length that is stated or estimated, and whose
container was measured."""
_LENGTH_SECONDS: Final = 0.25


def read_track_facts(
    file: BinaryIO,
    suffix: str,
    container: Container | None,
    read_tags: Callable[[BinaryIO], Tags],
) -> dict[str, Any]:
    """Return the facts of a track for the index.

    They are `tags`, perhaps with `media_type`, `notes` and `texts`, or else
    `broken`. The media type is that of the content, not of the name.
    """
    notes = []
    try:
        tags = read_tags(file)
    except NotAudio as error:
        if container is None or not container.media_type:
            return {"broken": f"is not a valid {suffix[1:]} file: {error}"}
        tags = merge_tags([read_riff_info(file)], container.duration_seconds)
        way = "by its INFO chunk" if tags.title else "by its name"
        notes.append(f"is sold {way}: its tags can't be read: {error}")
    if container is not None:
        tags = _with_length(tags, container)
    facts: dict[str, Any] = {"tags": tags.to_facts()}
    texts = facts["tags"].pop("texts")
    if tags.texts:
        facts["texts"] = texts
    usual = AUDIO_TYPES[suffix]
    if container is not None and container.media_type not in {"", usual}:
        facts["media_type"] = container.media_type
        notes.append(
            f"is {container.name}, not {suffix[1:]}, "
            f"and is sent as {container.media_type}"
        )
    if notes:
        facts["notes"] = notes
    return facts


def _with_length(tags: Tags, container: Container) -> Tags:
    """Return tags with the container's length if that is quite another.

    A WAV written to a pipe states no size, or hours; an MP3 may have a bit
    rate that varies, and nothing that states its length.
    """
    seconds = container.duration_seconds
    if (
        seconds is None
        or seconds > MAX_SECONDS
        or container.media_type not in _MEASURED
        or abs((tags.duration_seconds or 0.0) - seconds) <= _LENGTH_SECONDS
    ):
        return tags
    return replace(tags, duration_seconds=seconds)
