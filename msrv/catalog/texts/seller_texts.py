# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The seller's pages and texts about artists, read from Markdown files.

A file that can't be used is reported as a problem, and the others are shown.
One that is being changed, or that can't be read for a moment, stays as it
was.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from msrv.catalog.artists import artist_key
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.library.release_files import ReleaseFiles
from msrv.catalog.library.upload_detection import UnsettledFolder
from msrv.catalog.markdown import TitledText, split_title
from msrv.catalog.model import ArtistProfile, Cover, Page
from msrv.catalog.texts.text_folders import (
    MARKDOWN,
    PAGES,
    page_name,
    page_slug,
    stem,
)
from msrv.display_text import clean_line, normalize_nfc, printable, reason_of
from msrv.toml_file import Problem

log = logging.getLogger(__name__)

MAX_TEXT_BYTES: Final = 64 << 10
"""Size of a Markdown file."""
MAX_PAGES: Final = 50
MAX_PROFILES: Final = 5000
_UNNUMBERED: Final = 10**6
_LAST_SECOND: Final = 253_402_300_799
"""End of the year 9999."""


class _Known(NamedTuple):
    """A Markdown file as it was last read."""

    file: FoundFile
    text: TitledText


@dataclass(frozen=True, slots=True)
class SellerTexts:
    """The pages, in the order of the menu, and the texts about artists.

    `is_whole` is False if a file couldn't be read, and has to be tried again.
    """

    pages: tuple[Page, ...] = ()
    profiles: tuple[ArtistProfile, ...] = ()
    is_whole: bool = True
    known: Mapping[str, _Known] = field(default_factory=dict, repr=False)
    pictures: Mapping[str, Cover] = field(default_factory=dict, repr=False)


NO_TEXTS: Final = SellerTexts()


def picture_folders(folders: Sequence[FoundFolder]) -> Iterator[FoundFolder]:
    """Yield a folder for each picture of a text, with that as its cover.

    So a picture is hashed and measured as the cover of a release is.
    """
    for folder in folders:
        texts = {_key(file) for file in folder.files if _is_text(file)}
        for file in folder.files:
            if not _is_text(file) and _key(file) in texts:
                yield FoundFolder(folder.path, (), cover=file)


def settled_pictures(
    folders: Iterable[FoundFolder], unsettled: Mapping[str, UnsettledFolder]
) -> Iterator[FoundFolder]:
    """Yield the folders of `picture_folders` that aren't being changed."""
    for each in folders:
        if each.cover and not is_waiting(each.cover, unsettled):
            yield each


class TextReader:
    """Reader of the seller's texts during one load of a library.

    `unsettled` are the folders with files that are being changed;
    `unreadable` are problems of pictures, by path. `previous` are the texts
    of the last load.
    """

    def __init__(
        self,
        root: Path,
        index: FileIndex,
        unsettled: Mapping[str, UnsettledFolder],
        unreadable: Mapping[str, Problem],
        *,
        previous: SellerTexts,
    ) -> None:
        self._root = root
        self._index = index
        self._unsettled = unsettled
        self._unreadable = unreadable
        self._previous = previous
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._is_whole = True
        self._known: dict[str, _Known] = {}
        self._pictures: dict[str, Cover] = {}

    def read(
        self,
        folders: Sequence[FoundFolder],
        problems: list[Problem],
        notes: list[str],
    ) -> SellerTexts:
        """Return the texts in these folders; add to `problems` and `notes`."""
        pages: list[tuple[FoundFile, TitledText]] = []
        artists: list[tuple[FoundFile, TitledText]] = []
        for folder in folders:
            is_pages = folder.path.lower() == PAGES
            files = [file for file in folder.files if _is_text(file)]
            limit = MAX_PAGES if is_pages else MAX_PROFILES
            for file in files[limit:]:
                self._add_problem(
                    file, f"is not shown: there are over {limit:,} of them"
                )
            found = pages if is_pages else artists
            for file in files[:limit]:
                text = self._text(file)
                if text is not None:
                    found.append((file, text))
            self._read_pictures(folder)
        texts = SellerTexts(
            tuple(self._pages(pages)),
            tuple(self._profiles(artists)),
            self._is_whole,
            self._known,
            self._pictures,
        )
        problems += self._problems
        notes += self._notes
        return texts

    def _text(self, file: FoundFile) -> TitledText | None:
        """Return a file's text, new or old; None for a file without one."""
        old = self._previous.known.get(file.path)
        waits = is_waiting(file, self._unsettled)
        if old is not None and (old.file == file or waits):
            self._known[file.path] = old
            return old.text
        if waits:
            return None
        try:
            text = self._read(file)
        except OSError as error:
            self._is_whole = False
            self._add_problem(file, f"can't be read: {reason_of(error)}")
            if old is not None:
                self._known[file.path] = old
            return old.text if old is not None else None
        if text is None:
            return None
        try:
            found = split_title(text)
        except Exception as error:
            # A bug of ours must not affect other files.
            log.exception("%s could not be read", printable(file.path))
            self._add_problem(file, f"could not be read: {error!r}; not shown")
            return None
        self._known[file.path] = _Known(file, found)
        return found

    def _read(self, file: FoundFile) -> str | None:
        """Return a file's text; None with a problem. Raises OSError."""
        path = self._root / file.path
        with open(path, "rb", opener=open_file) as source:
            data = source.read(MAX_TEXT_BYTES + 1)
        if len(data) > MAX_TEXT_BYTES:
            limit = MAX_TEXT_BYTES >> 10
            self._add_problem(file, f"is over {limit} KiB; not shown")
            return None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            self._add_problem(
                file, "is not UTF-8: save it in that encoding; not shown", line
            )
            return None
        return clean_markdown(text)

    def _read_pictures(self, folder: FoundFolder) -> None:
        """Collect the measured pictures, by their texts' names."""
        named = set()
        for each in picture_folders([folder]):
            assert each.cover is not None  # noqa: S101 - by picture_folders
            named.add(each.cover)
            key = _key(each.cover)
            if key in self._pictures:
                self._add_note(
                    each.cover, "is not used: another picture is named alike"
                )
                continue
            picture = self._previous.pictures.get(key)
            if not is_waiting(each.cover, self._unsettled):
                files = ReleaseFiles(self._index, each, self._unreadable)
                found = files.cover()
                self._problems += files.problems
                self._is_whole = self._is_whole and files.is_whole
                picture = found if files.is_whole else picture
            if picture is not None:
                self._pictures[key] = picture
        for file in folder.files:
            if not _is_text(file) and file not in named:
                self._add_note(
                    file, f"is not used: no {printable(stem(file))}.md"
                )

    def _pages(
        self, found: Sequence[tuple[FoundFile, TitledText]]
    ) -> Iterator[Page]:
        """Yield the pages by the numbers of their names, then by title."""
        ordered = []
        for file, text in found:
            number, name = page_name(stem(file))
            title = clean_line(text.title) or clean_line(name) or "Untitled"
            if number is None:
                number = _UNNUMBERED
            ordered.append(
                (number, title.casefold(), file.path, file, title, text)
            )
        taken: dict[str, FoundFile] = {}
        for _, _, _, file, title, text in sorted(ordered):
            place = page_slug(stem(file))
            if place in taken:
                other = printable(taken[place].path)
                self._add_problem(
                    file,
                    f"has the address /pages/{place}, which is taken by "
                    f"{other}; not shown",
                )
                continue
            taken[place] = file
            yield Page(
                place,
                title,
                text.body,
                self._changed_at(file),
                self._pictures.get(_key(file)),
            )

    def _profiles(
        self, found: Sequence[tuple[FoundFile, TitledText]]
    ) -> Iterator[ArtistProfile]:
        taken: dict[str, FoundFile] = {}
        for file, text in found:
            name = clean_line(text.title) or clean_line(
                normalize_nfc(stem(file))
            )
            key = artist_key(name)
            if key in taken:
                other = printable(taken[key].path)
                self._add_problem(
                    file, f"is about {name!r}, as is {other}; not shown"
                )
                continue
            taken[key] = file
            yield ArtistProfile(
                name,
                text.body,
                text.links,
                self._changed_at(file),
                self._pictures.get(_key(file)),
            )

    def _changed_at(self, file: FoundFile) -> int:
        """Return when a text, or its picture, last changed."""
        shown = self._known[file.path].file
        picture = self._pictures.get(_key(file))
        newest = max(
            shown.mtime_ns, picture.content.mtime_ns if picture else 0
        )
        return min(max(0, newest // 1_000_000_000), _LAST_SECOND)

    def _add_problem(
        self, file: FoundFile, what: str, line: int | None = None
    ) -> None:
        self._problems.append(Problem(printable(file.path), line, what))

    def _add_note(self, file: FoundFile, what: str) -> None:
        self._notes.append(f"{printable(file.path)} {what}")


def is_waiting(
    file: FoundFile, unsettled: Mapping[str, UnsettledFolder]
) -> bool:
    """Return whether a file is being changed, and can't be read yet."""
    folder = unsettled.get(file.path.rpartition("/")[0])
    return folder is not None and file.path in folder.paths


def _is_text(file: FoundFile) -> bool:
    return file.suffix == MARKDOWN


def _key(file: FoundFile) -> str:
    """Return what a text and its picture have in common."""
    folder = file.path.rpartition("/")[0]
    return f"{folder}/{normalize_nfc(stem(file)).casefold()}"


def clean_markdown(text: str) -> str:
    """Return a text without control characters; indentation counts."""
    return "\n".join(map(_clean, text.splitlines()))


def _clean(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return indent + clean_line(line, MAX_TEXT_BYTES)


def open_file(path: str, flags: int) -> int:
    """Open a file of the library, for `open(…, opener=…)`."""
    # NONBLOCK: a FIFO in the file's place must not hang the thread.
    return os.open(path, flags | os.O_NONBLOCK)
