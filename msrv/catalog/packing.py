"""What goes into a release's ZIP, and under which names.

The names open on every system: nothing that Windows forbids, composed
letters, no two alike.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from msrv.catalog.model import Item, Kind, Release, Shop
from msrv.downloads.archive import Archive, Member
from msrv.storage.model import Content

_MAX_BYTES: Final = 180
"""Of a name, so that with its folder it fits where people unpack."""
_MAX_SUFFIX: Final = 16
_FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|]+')
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE
)
_UNDATED: Final = date(1980, 1, 1)


def pack(release: Release, shop: Shop) -> Archive:
    """Lay out the ZIP of a release, withdrawn items included."""
    return Archive.plan(members(release, shop), _dated(release))


def pack_name(release: Release) -> str:
    """Give what the ZIP is called."""
    return f"{_folder(release)}.zip"


def members(release: Release, shop: Shop) -> list[Member]:
    """List what the ZIP holds: the items, the cover, a README."""
    several_discs = len({item.disc or 1 for item in release.items}) > 1
    names = [
        _item_name(item, several_discs=several_discs) for item in release.items
    ]
    found: list[Content | bytes] = [item.content for item in release.items]
    if release.artwork is not None:
        content = release.artwork.content
        names.append("cover" + PurePosixPath(content.path).suffix.lower())
        found.append(content)
    names.append("README.txt")
    folder = _folder(release)
    unique = _unique(names)
    readme = _readme(release, shop, unique[: len(release.items)])
    return [
        Member(f"{folder}/{name}", source)
        for name, source in zip(unique, [*found, readme], strict=True)
    ]


def fit(name: str, suffix: str = "") -> str:
    """Make a name that any system takes; `suffix` is kept, with its dot."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(_FORBIDDEN.sub("-", text).split())
    limit = _MAX_BYTES - len(suffix.encode())
    text = text.encode()[:limit].decode(errors="ignore").strip(" .")
    if not text or _RESERVED.fullmatch(text + suffix):
        text = f"_{text}"
    return text + suffix


def _item_name(item: Item, *, several_discs: bool) -> str:
    """Name a track `NN Artist - Title.ext`; another file as it was."""
    path = PurePosixPath(item.file_name)
    suffix = fit("x", path.suffix)[1:] if _is_suffix(path.suffix) else ""
    if item.kind is not Kind.TRACK:
        return fit(item.file_name.removesuffix(suffix), suffix)
    number = f"{item.number:02d} " if item.number else ""
    if number and several_discs:
        number = f"{item.disc or 1}-{number}"
    artist = f"{item.artist} - " if item.artist else ""
    return fit(f"{number}{artist}{item.title}", suffix.lower())


def _is_suffix(suffix: str) -> bool:
    return (
        len(suffix) <= _MAX_SUFFIX
        and suffix.isascii()
        and suffix[1:].isalnum()
    )


def _unique(names: Iterable[str]) -> list[str]:
    """Number what is alike, also where only the case differs."""
    taken: set[str] = set()
    result = []
    for name in names:
        path = PurePosixPath(name)
        candidate, number = name, 2
        while candidate.casefold() in taken:
            candidate = f"{path.stem} ({number}){path.suffix}"
            number += 1
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def _folder(release: Release) -> str:
    artist = f"{release.artist} - " if release.artist else ""
    return fit(f"{artist}{release.title}")


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
