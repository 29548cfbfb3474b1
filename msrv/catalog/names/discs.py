"""Folders that are parts of one release: its discs, and its scans.

`Album/CD1` and `Album/CD2` are the release `Album`, and so is what lies in
`Album/Scans`. A folder with a release.toml is always a release of its own.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from msrv.catalog.names import cover_names
from msrv.catalog.names.extras import is_art_folder

if TYPE_CHECKING:
    from msrv.catalog.library.scan import FoundFile, FoundFolder

_WORDS: Final = {
    word: number
    for number, words in enumerate(
        (
            ("i", "one", "a", "eins", "un", "uno", "um"),
            ("ii", "two", "b", "zwei", "deux", "dos", "due", "dois"),
            ("iii", "three", "c", "drei", "trois", "tres", "tre", "três"),
            ("iv", "four", "d", "vier", "quatre", "cuatro", "quattro"),
            ("v", "five", "e", "fünf", "cinq", "cinco", "cinque"),
            ("vi", "six", "f", "sechs"),
        ),
        1,
    )
    for word in words
}
# What a disc is called where records are sold; and what one was before.
_KINDS: Final = (
    r"cds?|c\.d\.|compact ?dis[ck]|dis[ck]s?|disque|disco|disk[ae]|"
    r"diskett?e|dvd|sacd|blu-?ray|lps?|vinyls?|records?|platte|schallplatte|"
    r"schijf|plaat|skiva|plade|levy|płyta|dysk|lemez|диск|пластинка|"
    r"ディスク|唱片|tapes?|cassettes?|kassette|mc"
)
_DISC: Final = re.compile(
    rf"(?:{_KINDS})[\s._#:-]*(?:no\.?|nr\.?|n°|№)?[\s._#-]*"
    r"(?:0*(?P<number>[1-9][0-9]?)(?![0-9])|(?P<word>[^\W\d_]+))"
    r"(?:\s*of\s*[0-9]+)?"
    r"(?:[\s._:([{-].*|)",
    re.DOTALL,
)
_SUFFIX: Final = re.compile(
    rf"\s*(?:(?:[-:,]\s*|[(\[{{]\s*)(?:{_KINDS})|\s(?:cd|dis[ck]))[\s._#-]*"
    r"(?:[0-9]{1,2}|[ivx]{1,4}|one|two|three|four)\s*"
    r"(?:(?:of|/)\s*[0-9]{1,2}\s*)?[)\]}]?\s*$",
    re.IGNORECASE,
)
_AROUND: Final = " \t._-()[]{}:"


def disc_number(name: str, parent: str = "") -> int | None:
    """Return the disc number in a folder's name; None where it has none.

    It may begin with the name of the folder that it is in: `Album - CD 2`.
    """
    text, start = name.casefold().strip(), parent.casefold().strip()
    if start and text.startswith(start) and text != start:
        text = text[len(start) :].lstrip(_AROUND)
    match = _DISC.fullmatch(text.strip(_AROUND))
    if match is None:
        return None
    if match["number"]:
        return int(match["number"])
    return _WORDS.get(match["word"])


def without_disc(title: str) -> str:
    """Return an album's title without `(Disc 2)` or `CD 2` at its end."""
    return _SUFFIX.sub("", title) or title


def joined(folders: "Iterable[FoundFolder]") -> "list[FoundFolder]":
    """Return folders with those joined that are parts of one release.

    What is in them follows the release's own files. A release without a
    cover has that of its first disc; other covers are extras.
    """
    by_path = {folder.path: folder for folder in folders}
    owners = _discs(by_path)
    _add_art(by_path, owners)
    parts: dict[str, list[FoundFolder]] = {}
    for path in sorted(owners):
        parts.setdefault(owners[path], []).append(by_path[path])
    whole = [
        _whole(folder, parts.get(path, ()))
        for path, folder in by_path.items()
        if path not in owners
    ]
    for path in parts.keys() - by_path.keys():
        # Nothing lies beside the discs themselves.
        none = replace(parts[path][0], path=path, files=(), cover=None)
        whole.append(_whole(none, parts[path]))
    return sorted(whole, key=lambda folder: folder.path)


def _discs(by_path: "dict[str, FoundFolder]") -> dict[str, str]:
    """Find the folders that are discs, and the releases that they are of."""
    found: dict[str, list[FoundFolder]] = {}
    for folder in by_path.values():
        parent, _, name = folder.path.rpartition("/")
        is_disc = disc_number(name, parent.rpartition("/")[2]) is not None
        if parent and is_disc and folder.config is None and folder.files:
            found.setdefault(parent, []).append(folder)
    owners: dict[str, str] = {}
    for parent, discs in found.items():
        own = by_path.get(parent)
        # One folder `CD1`, and nothing else: the release is that folder.
        is_release = own is not None and (
            own.config is not None or _has_tracks(own)
        )
        if (len(discs) > 1 or is_release) and any(map(_has_tracks, discs)):
            owners |= {disc.path: parent for disc in discs}
    return owners


def _add_art(
    by_path: "dict[str, FoundFolder]", owners: dict[str, str]
) -> None:
    """Find the folders with the pictures of releases that have tracks."""
    with_tracks = {
        owners.get(folder.path, folder.path)
        for folder in by_path.values()
        if _has_tracks(folder)
    }
    # Parents come before what is in them.
    for path in sorted(by_path):
        folder = by_path[path]
        if path in owners or folder.config or _has_tracks(folder):
            continue
        above, is_art = path, False
        while above not in with_tracks and "/" in above:
            above, _, name = above.rpartition("/")
            is_art = is_art_folder(name)
            above = owners.get(above, above)
        if is_art and above in with_tracks:
            owners[path] = above


def _whole(
    own: "FoundFolder", parts: "Sequence[FoundFolder]"
) -> "FoundFolder":
    files = list(own.files)
    cover = own.cover
    if cover is None and any(map(_has_tracks, parts)):
        # Beside discs, a picture is known as the cover only here.
        name = cover_names.best((f.name for f in files), has_tracks=True)
        cover = next((file for file in files if file.name == name), None)
        if cover is not None:
            files.remove(cover)
    for part in parts:
        files += part.files
        if part.cover is None:
            continue
        if cover is None and _has_tracks(part):
            cover = part.cover
        else:
            files.append(part.cover)
    if len(files) == len(own.files) and cover is own.cover:
        return own
    return replace(own, files=tuple(files), cover=cover)


def _has_tracks(folder: "FoundFolder") -> bool:
    return any(file.is_track for file in folder.files)


def inner_path(folder: "FoundFolder", file: "FoundFile") -> str:
    """Return a file's path within its release's folder."""
    return file.path[len(folder.path) + 1 :]
