# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of a release's ZIP: its members and their names.

The names work on every system: nothing that Windows forbids, composed
letters, no duplicates, and no path that is too long to unpack.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.catalog.names.portable_names import allowed_text, portable_name
from msrv.catalog.names.truncation import fit_parts, truncate, utf16_length
from msrv.downloads.zip import ZipArchive, ZipMember
from msrv.storage.model import Content
from msrv.translations import gettext, language_set_to
from msrv.translations.negotiation import parse_language

# Windows accepts paths of 259 characters, and Explorer unpacks NAME.zip to
# Downloads\\NAME\\NAME\\FILE: that leaves about forty for the path of
# Downloads.
# https://learn.microsoft.com/en-us/windows/win32/fileio/maximum-file-path-limitation
MAX_PATH_UNITS: Final = 220
"""Longest sum of the ZIP's name, the folder in it, and a file's name."""
_BETWEEN: Final = len(".zip") + len("//")
_FOLDER_UNITS: Final = 60
"""Length to which a folder's name is shortened at most."""
_INNER_FOLDER_UNITS: Final = 30
_MAX_SUFFIX: Final = 16
_JOIN: Final = " - "
_UNDATED: Final = date(1980, 1, 1)


@dataclass(frozen=True, slots=True)
class _Name:
    """Name of a file in a ZIP, of which `parts` can be shortened.

    `folder` is relative to the release's, `start` is a track's number, and
    `suffix` includes its dot.
    """

    parts: tuple[str, ...]
    suffix: str = ""
    start: str = ""
    folder: str = ""

    def shorten_to(self, limit: int, number: int = 1) -> str:
        """Return the name in at most `limit` UTF-16 units.

        A number from 2 on distinguishes it from names that would be equal.
        """
        place = f"{self.folder}/" if self.folder else ""
        end = self.suffix if number == 1 else f" ({number}){self.suffix}"
        return place + _shortened(
            self.parts,
            limit - utf16_length(place),
            start=self.start,
            suffix=end,
        )


def plan_zip(release: Release, shop: Shop) -> ZipArchive:
    """Return the layout of a release's ZIP, withdrawn items included."""
    return ZipArchive.plan(zip_members(release, shop), _dated(release))


def zip_name(release: Release) -> str:
    """Return the file name of a release's ZIP."""
    folder, _ = _names(release)
    return f"{folder}.zip"


def zip_members(release: Release, shop: Shop) -> list[ZipMember]:
    """Return the ZIP's members: items, cover, extras and a README."""
    found: list[Content | bytes] = [item.content for item in release.items]
    cover = _cover(release)
    if cover is not None:
        found.append(cover)
    found += [extra.content for extra in release.extras]
    folder, names = _names(release)
    readme = _readme(release, shop, names[: len(release.items)])
    return [
        ZipMember(f"{folder}/{name}", source)
        for name, source in zip(names, [*found, readme], strict=True)
    ]


def _cover(release: Release) -> Content | None:
    """Return the cover's file, unless it is embedded in a track."""
    cover = release.cover
    return None if not cover or cover.is_embedded else cover.content


def _names(release: Release) -> tuple[str, list[str]]:
    """Return the name of the ZIP's folder, and those of its files.

    The README is the last. Names are shortened only if a path would be too
    long: the longest first. The folder counts twice, as it names the ZIP too.
    """
    wanted = _wanted(release)
    names = _unique(wanted, MAX_PATH_UNITS)
    parts = tuple(filter(None, (release.artist, release.title)))
    folder = portable_name(_JOIN.join(parts))
    max_units = MAX_PATH_UNITS - _BETWEEN
    longest = max(map(utf16_length, names))
    if 2 * utf16_length(folder) + longest > max_units:
        most = max(_FOLDER_UNITS, (max_units - longest) // 2)
        folder = _shortened(parts, most)
        names = _unique(wanted, max_units - 2 * utf16_length(folder))
    return folder, names


def _wanted(release: Release) -> list[_Name]:
    """Return the members' names before any is shortened."""
    wanted = [
        _item_name(item, has_discs=release.has_discs) for item in release.items
    ]
    cover = _cover(release)
    if cover is not None:
        path = PurePosixPath(cover.path)
        wanted.append(_Name(("cover",), path.suffix.lower()))
    wanted += [_extra_name(release, extra) for extra in release.extras]
    wanted.append(_Name(("README",), ".txt"))
    return wanted


def _item_name(item: Item, *, has_discs: bool) -> _Name:
    """Return `NN Artist - Title.ext` for a track, else the file's name."""
    if item.kind is not ItemKind.TRACK:
        return _file_name(item.file_name)
    number = f"{item.number:02d} " if item.number else ""
    if number and has_discs:
        number = f"{item.disc or 1}-{number}"
    suffix = _suffix(item.file_name).lower()
    parts = (item.artist, item.title) if item.artist else (item.title,)
    return _Name(parts, suffix, number)


def _extra_name(release: Release, extra: Item) -> _Name:
    """Return an extra's own name, in the folder that it is in."""
    folder = extra.content.path.rpartition("/")[0]
    inner = folder.removeprefix(release.folder).strip("/").split("/")
    parts = tuple(filter(None, inner))
    name = _shortened(parts, _INNER_FOLDER_UNITS) if parts else ""
    return _file_name(extra.file_name, name)


def _file_name(name: str, folder: str = "") -> _Name:
    suffix = _suffix(name)
    return _Name((name.removesuffix(suffix),), suffix, folder=folder)


def _suffix(name: str) -> str:
    """Return a file's suffix with its dot, "" for an implausible one."""
    suffix = PurePosixPath(name).suffix
    is_one = len(suffix) <= _MAX_SUFFIX and suffix[1:].isalnum()
    return (
        portable_name("x", suffix)[1:] if is_one and suffix.isascii() else ""
    )


def _shortened(
    parts: Sequence[str], limit: int, *, start: str = "", suffix: str = ""
) -> str:
    """Return a name of at most `limit` units; long parts are shortened."""
    name = portable_name(start + _JOIN.join(parts), suffix)
    if utf16_length(name) <= limit:
        return name
    plain = tuple(map(allowed_text, parts))
    joins = len(_JOIN) * (len(plain) - 1)
    kept = fit_parts(
        plain, limit - utf16_length(start) - utf16_length(suffix) - joins
    )
    text = start + _JOIN.join(filter(None, kept))
    # One less, since a reserved name gets another character.
    return portable_name(
        truncate(text, limit - utf16_length(suffix) - 1), suffix
    )


def _unique(names: Iterable[_Name], limit: int) -> list[str]:
    """Return names of at most `limit` units; duplicates are numbered.

    Names that differ only in case are duplicates, and so is a folder's name.
    """
    names = list(names)
    taken = {_key(name.folder) for name in names}
    numbers: dict[str, int] = {}
    result = []
    for name in names:
        candidate = name.shorten_to(limit)
        first = _key(candidate)
        number = numbers.get(first, 2)
        while _key(candidate) in taken:
            candidate = name.shorten_to(limit, number)
            number += 1
        numbers[first] = number
        taken.add(_key(candidate))
        result.append(candidate)
    return result


def _key(name: str) -> str:
    """Return a name as systems that ignore case compare it."""
    return unicodedata.normalize("NFC", name.casefold())


def _dated(release: Release) -> date:
    try:
        return date.fromisoformat(release.date)
    except ValueError:
        return _UNDATED


def _readme(release: Release, shop: Shop, names: Iterable[str]) -> bytes:
    """Return a README: title, contents, and the shop it was bought from.

    It is in the store's language and not in the buyer's: a ZIP is the same
    for everyone, so that a download resumes anywhere.
    """
    lines = [release.title]
    if release.artist:
        lines.append(release.artist)
    if release.date:
        lines.append(release.date)
    if release.description:
        lines += ["", release.description]
    with language_set_to(parse_language(shop.language)):
        bought = gettext("Bought from %(store)s.", store=shop.name)
    lines += ["", *names, "", bought]
    if shop.contact:
        lines.append(shop.contact)
    # Line ends that old editors on Windows display too; a question mark for
    # a byte of a file's name that can't be decoded.
    text = "\r\n".join("\n".join(lines).splitlines()) + "\r\n"
    return text.encode(errors="replace")
