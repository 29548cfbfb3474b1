# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Clips and whole tracks that visitors listen to on a release's page.

Apart from the storefront, whose pages and those of frames list it.
"""

from dataclasses import dataclass

from aiohttp import web

from msrv.catalog.encodings.streams import find_stream
from msrv.catalog.model import Item, Release
from msrv.catalog.previews import clip_part, clip_version
from msrv.web.shop.json_views import version_of
from msrv.web.store import STORE

_OPUS = "opus-96"


@dataclass(frozen=True, slots=True)
class Playable:
    """Addresses that a track is played from.

    `opus_href` is a smaller stream for players that know the format, and
    `waveform_href` the picture of what is heard; they are empty where there
    are none. `is_whole` is True for the whole track; a clip starts at
    `start_seconds` of it.
    """

    href: str
    opus_href: str = ""
    waveform_href: str = ""
    is_whole: bool = False
    start_seconds: float = 0.0


def playable_tracks(
    request: web.Request, release: Release
) -> dict[str, Playable]:
    """Return what can be listened to of a release's tracks, by item id."""
    previews = request.app[STORE].previews
    found = {}
    for item in release.offered:
        whole = _whole_track(request, item)
        if whole is not None:
            found[item.item_id] = whole
        elif previews.is_offered(item):
            found[item.item_id] = Playable(
                _href(item, clip_version(item)),
                waveform_href=waveform_path(item, clip_version(item)),
                start_seconds=round(clip_part(item)[0], 2),
            )
    return found


def waveform_path(item: Item, version: str) -> str:
    """Return the address of the waveform of what is heard of a track."""
    return f"/waveforms/{item.item_id}?v={version}"


def _whole_track(request: web.Request, item: Item) -> Playable | None:
    store = request.app[STORE].encodings.store
    stream = find_stream(store, item)
    if stream is None or item.hidden:
        return None
    opus = find_stream(store, item, _OPUS)
    version = store.analyses.find(item.content.sha256.hex())
    return Playable(
        _href(item, version_of(stream.content)),
        f"{_href(item, version_of(opus.content))}&as={_OPUS}"
        if opus and opus.name == _OPUS
        else "",
        waveform_path(item, version) if version else "",
        is_whole=True,
    )


def _href(item: Item, version: str) -> str:
    return f"/previews/{item.item_id}?v={version}"
