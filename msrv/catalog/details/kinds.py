# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Kind of a release, inferred from the files that it sells.

Records are told apart as the large shops do (Apple Music, "Singles, EPs and
albums"): a single has up to three tracks, each shorter than ten minutes; an
EP has up to six, or one of ten minutes or more; both take less than half an
hour. Anything else is an album. Software is never inferred: a ZIP or a
program may be anything.
"""

from collections.abc import Sequence
from typing import Final

from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import Item, ItemKind
from msrv.catalog.names.media_types import DOCUMENTS, VIDEOS

_SUPPLEMENTS: Final = DOCUMENTS | frozenset(
    ".ass .avif .gif .jpeg .jpg .png .srt .txt .vtt .webp".split()
)
"""Suffixes of files that come with a video."""
_SAMPLE_SUFFIXES: Final = frozenset({".aif", ".aiff", ".wav"})

_MAX_SINGLE_TRACKS: Final = 3
_MAX_EP_TRACKS: Final = 6
_LONG_TRACK_SECONDS: Final = 10 * 60
_ALBUM_SECONDS: Final = 30 * 60
_MIN_SAMPLES: Final = 20
_MAX_SAMPLE_SECONDS: Final = 10


def infer_kind(items: Sequence[Item]) -> ReleaseKind:
    """Return the kind of a release of these items, hidden ones excluded."""
    offered = [each for each in items if not each.hidden] or list(items)
    tracks = [each for each in offered if each.kind is ItemKind.TRACK]
    if tracks:
        return _kind_of_tracks(tracks, is_all=len(tracks) == len(offered))
    suffixes = {suffix_of(each) for each in offered}
    if suffixes and suffixes <= DOCUMENTS:
        return ReleaseKind.BOOK
    if suffixes & VIDEOS and suffixes <= VIDEOS | _SUPPLEMENTS:
        return ReleaseKind.VIDEO
    return ReleaseKind.OTHER


def suffix_of(item: Item) -> str:
    """Return the suffix of an item's file, with its dot, in lower case."""
    _, dot, suffix = item.file_name.rpartition(".")
    return f"{dot}{suffix.lower()}"


def _kind_of_tracks(tracks: Sequence[Item], *, is_all: bool) -> ReleaseKind:
    if is_all and _are_samples(tracks):
        return ReleaseKind.SAMPLE_PACK
    lengths = [each.duration_seconds or 0 for each in tracks]
    if len(tracks) > _MAX_EP_TRACKS or sum(lengths) >= _ALBUM_SECONDS:
        return ReleaseKind.ALBUM
    if len(tracks) > _MAX_SINGLE_TRACKS or max(lengths) >= _LONG_TRACK_SECONDS:
        return ReleaseKind.EP
    return ReleaseKind.SINGLE


def _are_samples(tracks: Sequence[Item]) -> bool:
    """Return whether these can only be samples: many, short, not numbered."""
    return len(tracks) >= _MIN_SAMPLES and all(
        suffix_of(each) in _SAMPLE_SUFFIXES
        and each.number is None
        and 0 < (each.duration_seconds or 0) < _MAX_SAMPLE_SECONDS
        for each in tracks
    )
