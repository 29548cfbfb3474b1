# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits of a release's tracks, as its page and JSON have them."""

from collections.abc import Mapping
from dataclasses import dataclass

from msrv.catalog.metadata.lyrics import LyricLine, stanzas
from msrv.catalog.metadata.track_texts import TrackTexts
from msrv.catalog.model import Item, Release
from msrv.catalog.texts.release_texts import Texts
from msrv.translations import gettext
from msrv.web.shop.json_views import Json


@dataclass(frozen=True, slots=True)
class ShownTexts:
    """Texts of one track.

    `language` is that of the lyrics, empty if it isn't known. `credits` are
    pairs of a role, in the visitor's language, and names.
    """

    item: Item
    language: str
    stanzas: tuple[tuple[LyricLine, ...], ...]
    credits: tuple[tuple[str, str], ...]


def shown_texts(release: Release, texts: Texts) -> list[ShownTexts]:
    """Return the texts of a release's tracks, in their order."""
    if not texts:
        return []
    labels = _role_labels()
    return [
        ShownTexts(
            item,
            found.lyrics.language or release.details.language,
            tuple(stanzas(found.lyrics)),
            tuple(
                (labels[role], ", ".join(names))
                for role, names in _by_role(found).items()
            ),
        )
        for item in release.offered
        if (found := texts.get(item.item_id)) is not None
    ]


def texts_json(found: TrackTexts | None) -> Json:
    """Return the members of an item's JSON for its texts."""
    texts = found or TrackTexts()
    return {
        "lyrics": "\n".join(texts.lyrics.lines) or None,
        "lyrics_language": texts.lyrics.language or None,
        "lyrics_times": [
            None if at is None else at / 100 for at in texts.lyrics.times
        ]
        or None,
        "credits": [
            {"role": role, "name": name} for role, name in texts.credits
        ],
    }


def _by_role(texts: TrackTexts) -> Mapping[str, list[str]]:
    names: dict[str, list[str]] = {}
    for role, name in texts.credits:
        names.setdefault(role, []).append(name)
    return names


def _role_labels() -> Mapping[str, str]:
    """Return the names of the roles in the visitor's language."""
    return {
        "composer": gettext("Music"),
        "lyricist": gettext("Lyrics"),
        "arranger": gettext("Arrangement"),
        "performer": gettext("Performers"),
        "conductor": gettext("Conductor"),
        "producer": gettext("Producer"),
        "engineer": gettext("Engineer"),
        "mixer": gettext("Mix"),
        "remixer": gettext("Remix"),
    }
