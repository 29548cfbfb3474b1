# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facts of a release in words: one line of what buyers compare, and details.

The line has what matters for the release's kind, the details all the rest.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msrv.catalog.details.release_details import ReleaseDetails, ReleaseKind
from msrv.catalog.encodings.item_formats import ReleaseFormat, original_label
from msrv.catalog.model import ItemKind, Release, Sound
from msrv.translations import current_language, gettext, locale, ngettext
from msrv.translations.sizes import format_size
from msrv.web import formatting
from msrv.web.shop.browsing.kind_names import kind_name

_MAX_FORMATS: Final = 4


def headline_facts(release: Release) -> list[str]:
    """Return the facts that a buyer compares: kind, length, formats, size."""
    details = release.details
    formats = Counter(
        each.file_name.rpartition(".")[2].upper() for each in release.offered
    )
    names = [name for name, _ in formats.most_common(_MAX_FORMATS)]
    facts = [
        kind_name(details.kind),
        *_SPECIAL.get(details.kind, _count)(release),
        formatting.listed(names),
        format_size(release.size_bytes),
    ]
    return [each for each in facts if each]


def detail_rows(
    release: Release, formats: Sequence[ReleaseFormat]
) -> list[tuple[str, str]]:
    """Return the details that are known, each with its name.

    `formats` are those that the release can be downloaded in.
    """
    details = release.details
    is_music = details.kind.is_music
    rows = [
        (gettext("Formats"), _formats(release, formats)),
        (gettext("Sound"), _sounds(release)),
        (gettext("Label"), details.label),
        (gettext("Catalog number"), details.catalog_number),
        (gettext("ISBN"), details.isbn),
        (gettext("Language"), language_name(details.language)),
        (gettext("Tempo"), _tempo(details) if is_music else ""),
        (gettext("Key"), details.key if is_music else ""),
        (gettext("Licence"), details.licence),
    ]
    return [(name, value) for name, value in rows if value]


def language_name(tag: str) -> str:
    """Return the name of a language in the current one; else its tag."""
    names = locale(current_language().texts).languages
    name = tag.replace("-", "_")
    return names.get(name) or names.get(name.partition("_")[0]) or tag


def _formats(release: Release, formats: Sequence[ReleaseFormat]) -> str:
    """Return the formats of the tracks, empty where there is only one.

    First the files as the seller made them.
    """
    if len(formats) < 2:
        return ""
    names = dict.fromkeys(
        original_label(each)
        for each in release.offered
        if each.kind is ItemKind.TRACK
    )
    own = gettext("Original (%(formats)s)", formats=formatting.listed(names))
    return formatting.listed([own, *(each.label for each in formats[1:])])


def _sounds(release: Release) -> str:
    """Return the resolutions of the tracks, the most frequent first."""
    counts = Counter(
        _resolution(each.sound)
        for each in release.offered
        if each.sound is not None
    )
    del counts[""]
    found = [name for name, _ in counts.most_common(_MAX_FORMATS)]
    # Translators: between resolutions like "24-bit, 96 kHz".
    return gettext("; ").join(found)


def _resolution(sound: Sound) -> str:
    """Return a lossless sound's resolution, empty for any other."""
    if sound.bit_depth is None or sound.sample_rate_hz is None:
        return ""
    return gettext(
        "%(bits)s-bit, %(rate)s kHz",
        bits=sound.bit_depth,
        rate=formatting.decimal(sound.sample_rate_hz / 1000),
    )


def _count(release: Release) -> list[str]:
    """Return the number of tracks and their length, or that of files."""
    offered = release.offered
    tracks = [each for each in offered if each.kind is ItemKind.TRACK]
    minutes = round(sum(each.duration_seconds or 0 for each in tracks) / 60)
    if tracks:
        count = ngettext("%(num)s track", "%(num)s tracks", len(tracks))
        length = ngettext("%(num)s min", "%(num)s min", minutes)
        return [formatting.listed([count, length] if minutes else [count])]
    if len(offered) > 1:
        return [ngettext("%(num)s file", "%(num)s files", len(offered))]
    return []


def _pages(release: Release) -> list[str]:
    count = release.details.page_count
    if count is None:
        return _count(release)
    return [ngettext("%(num)s page", "%(num)s pages", count)]


def _samples(release: Release) -> list[str]:
    count = len(release.offered)
    return [
        ngettext("%(num)s file", "%(num)s files", count),
        _tempo(release.details),
        release.details.key,
    ]


def _length(release: Release) -> list[str]:
    seconds = release.details.duration_seconds
    return [formatting.duration(seconds)] if seconds else []


def _program(release: Release) -> list[str]:
    details = release.details
    version = details.version
    return [
        gettext("Version %(version)s", version=version) if version else "",
        formatting.listed(details.platforms),
    ]


def _tempo(details: ReleaseDetails) -> str:
    if details.tempo is None:
        return ""
    # Translators: beats per minute.
    return gettext("%(tempo)s BPM", tempo=details.tempo)


_SPECIAL: Final[Mapping[ReleaseKind, Callable[[Release], list[str]]]] = {
    ReleaseKind.BOOK: _pages,
    ReleaseKind.SAMPLE_PACK: _samples,
    ReleaseKind.SOFTWARE: _program,
    ReleaseKind.VIDEO: _length,
}
