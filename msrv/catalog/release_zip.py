"""What goes into a release's ZIP, and under which names.

The names open on every system: nothing that Windows forbids, composed
letters, no two alike, and no path that is too long to unpack.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.catalog.names.truncation import (
    MAX_BYTES,
    fit_parts,
    truncate,
    utf16_length,
)
from msrv.downloads.zip import ZipArchive, ZipMember
from msrv.storage.model import Content

# Windows takes paths of 259 characters, and Explorer unpacks NAME.zip to
# Downloads\\NAME\\NAME\\FILE: that leaves some forty for where Downloads is.
# https://learn.microsoft.com/en-us/windows/win32/fileio/maximum-file-path-limitation
MAX_PATH_UNITS: Final = 220
"""Of the ZIP's name, the folder in it, and a file's name, together."""
_BETWEEN: Final = len(".zip") + len("//")
_FOLDER_UNITS: Final = 60
"""Length that a folder keeps, however long the files' names are."""
_INNER_FOLDER_UNITS: Final = 30
_MAX_SUFFIX: Final = 16
_JOIN: Final = " - "
_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|]+')
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE
)
_UNDATED: Final = date(1980, 1, 1)


@dataclass(frozen=True, slots=True)
class _Name:
    """A file's name in a ZIP, in parts, of which `parts` can be shortened.

    `folder` is a folder within the release's, `start` a track's number and
    `suffix` has its dot.
    """

    parts: tuple[str, ...]
    suffix: str = ""
    start: str = ""
    folder: str = ""

    def within(self, limit: int, number: int = 1) -> str:
        """Write the name in `limit` UTF-16 units at most.

        A number from 2 on tells it from others that would be the same.
        """
        place = f"{self.folder}/" if self.folder else ""
        end = self.suffix if number == 1 else f" ({number}){self.suffix}"
        return place + _written(
            self.parts,
            limit - utf16_length(place),
            start=self.start,
            suffix=end,
        )


def plan_zip(release: Release, shop: Shop) -> ZipArchive:
    """Lay out the ZIP of a release, withdrawn items included."""
    return ZipArchive.plan(zip_members(release, shop), _dated(release))


def zip_name(release: Release) -> str:
    """Give what the ZIP is called."""
    folder, _ = _names(release)
    return f"{folder}.zip"


def zip_members(release: Release, shop: Shop) -> list[ZipMember]:
    """List what the ZIP holds: the items, the cover, extras, a README."""
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
    """Return the cover's file, unless that is a track."""
    artwork = release.artwork
    return None if not artwork or artwork.is_embedded else artwork.content


def portable_name(name: str, suffix: str = "") -> str:
    """Make a name that any system takes; `suffix` is kept, with its dot."""
    text = truncate(_plain(name), MAX_BYTES, MAX_BYTES - len(suffix.encode()))
    text = text.strip(" .")
    if not text or _RESERVED.fullmatch(text + suffix):
        text = f"_{text}"
    return text + suffix


def _plain(text: str) -> str:
    """Write a text in letters that names may have on any system."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(_FORBIDDEN.sub("-", text).split())


def _names(release: Release) -> tuple[str, list[str]]:
    """Name the folder in the ZIP, and the files in it, the README last.

    Only where a path would be too long is anything shortened: what is
    longest first, and the folder counts twice, as it names the ZIP as well.
    """
    wanted = _wanted(release)
    names = _unique(wanted, MAX_PATH_UNITS)
    parts = tuple(filter(None, (release.artist, release.title)))
    folder = portable_name(_JOIN.join(parts))
    room = MAX_PATH_UNITS - _BETWEEN
    longest = max(map(utf16_length, names))
    if 2 * utf16_length(folder) + longest > room:
        most = max(_FOLDER_UNITS, (room - longest) // 2)
        folder = _written(parts, most)
        names = _unique(wanted, room - 2 * utf16_length(folder))
    return folder, names


def _wanted(release: Release) -> list[_Name]:
    """Name what the ZIP holds, as if there were room for any name."""
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
    """Name a track `NN Artist - Title.ext`; another file as it was."""
    if item.kind is not ItemKind.TRACK:
        return _file_name(item.file_name)
    number = f"{item.number:02d} " if item.number else ""
    if number and has_discs:
        number = f"{item.disc or 1}-{number}"
    suffix = _suffix(item.file_name).lower()
    parts = (item.artist, item.title) if item.artist else (item.title,)
    return _Name(parts, suffix, number)


def _extra_name(release: Release, extra: Item) -> _Name:
    """Name an extra as it was, in the folder that it was in."""
    folder = extra.content.path.rpartition("/")[0]
    inner = folder.removeprefix(release.folder).strip("/").split("/")
    parts = tuple(filter(None, inner))
    name = _written(parts, _INNER_FOLDER_UNITS) if parts else ""
    return _file_name(extra.file_name, name)


def _file_name(name: str, folder: str = "") -> _Name:
    suffix = _suffix(name)
    return _Name((name.removesuffix(suffix),), suffix, folder=folder)


def _suffix(name: str) -> str:
    """Return a file's suffix with its dot, where it is worth keeping."""
    suffix = PurePosixPath(name).suffix
    is_one = len(suffix) <= _MAX_SUFFIX and suffix[1:].isalnum()
    return (
        portable_name("x", suffix)[1:] if is_one and suffix.isascii() else ""
    )


def _written(
    parts: Sequence[str], limit: int, *, start: str = "", suffix: str = ""
) -> str:
    """Write a name in `limit` units; the longest parts are shortened."""
    name = portable_name(start + _JOIN.join(parts), suffix)
    if utf16_length(name) <= limit:
        return name
    plain = tuple(map(_plain, parts))
    joins = len(_JOIN) * (len(plain) - 1)
    kept = fit_parts(
        plain, limit - utf16_length(start) - utf16_length(suffix) - joins
    )
    text = start + _JOIN.join(filter(None, kept))
    # One less, as a name that is reserved is given a sign more.
    return portable_name(
        truncate(text, limit - utf16_length(suffix) - 1), suffix
    )


def _unique(names: Iterable[_Name], limit: int) -> list[str]:
    """Write names in `limit` units; number what is alike.

    Also where only the case differs, and where a folder has that name.
    """
    names = list(names)
    taken = {_key(name.folder) for name in names}
    numbers: dict[str, int] = {}
    result = []
    for name in names:
        candidate = name.within(limit)
        first = _key(candidate)
        number = numbers.get(first, 2)
        while _key(candidate) in taken:
            candidate = name.within(limit, number)
            number += 1
        numbers[first] = number
        taken.add(_key(candidate))
        result.append(candidate)
    return result


def _key(name: str) -> str:
    """Write a name as systems that ignore case compare it."""
    return unicodedata.normalize("NFC", name.casefold())


def _dated(release: Release) -> date:
    try:
        return date.fromisoformat(release.date)
    except ValueError:
        return _UNDATED


def _readme(release: Release, shop: Shop, names: Iterable[str]) -> bytes:
    """Write a few lines that say what this is and where it came from."""
    lines = [release.title]
    if release.artist:
        lines.append(release.artist)
    if release.date:
        lines.append(release.date)
    if release.description:
        lines += ["", release.description]
    lines += ["", *names, "", f"Bought from {shop.name}."]
    if shop.contact:
        lines.append(shop.contact)
    # Line ends that also the oldest editor on Windows shows; a question mark
    # for a byte of a folder's name that is no text.
    text = "\r\n".join("\n".join(lines).splitlines()) + "\r\n"
    return text.encode(errors="replace")
