# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of one folder's files, from their index entries.

A file that can't be offered adds a problem and leaves the others alone. Apart
from `release_builder`, which decides what the files are sold as.
"""

from collections.abc import Mapping
from typing import Any

from msrv.catalog.embedded_covers import find_embedded_cover
from msrv.catalog.library.file_index import (
    PARSER_CRASHED,
    FileIndex,
    IndexEntry,
)
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.metadata.lyrics import SUFFIXES as LYRICS_SUFFIXES
from msrv.catalog.model import Cover
from msrv.catalog.names.extras import stem_of
from msrv.catalog.names.media_types import media_type
from msrv.catalog.texts.lyrics_files import NOT_UTF_8, WRONG_LINES
from msrv.display_text import printable
from msrv.storage.model import Content
from msrv.toml_file import Problem


class ReleaseFiles:
    """Contents of a folder's files, and the problems found on the way.

    `unreadable` are problems of files that can't be read now, by path.
    `is_whole` is False once one of those was needed, `is_final` once a file
    may be parsed again. `notes` need no action.
    """

    def __init__(
        self,
        index: FileIndex,
        folder: FoundFolder,
        unreadable: Mapping[str, Problem],
    ) -> None:
        self._index = index
        self._folder = folder
        self._unreadable = unreadable
        self._track_stems = {
            stem_of(file.path) for file in folder.files if file.is_track
        }
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.is_whole = True
        self.is_final = True

    def add_problem(
        self, file: FoundFile | None, what: str, line: int | None = None
    ) -> None:
        """Add a problem of a file, or of the folder itself."""
        path = file.path if file else self._folder.path
        self.problems.append(Problem(printable(path), line, what))

    def is_lyrics(self, file: FoundFile) -> bool:
        """Return whether a text file has a track's name."""
        return (
            bool(self._track_stems)
            and file.suffix in LYRICS_SUFFIXES
            and stem_of(file.path) in self._track_stems
        )

    def content(
        self, file: FoundFile
    ) -> tuple[Content, dict[str, Any]] | None:
        """Return a file's content and facts; None if it can't be offered."""
        if not file.has_plausible_size:
            self.add_problem(
                file,
                f"reports a size of {file.size_bytes:,} bytes, more than the "
                "limit of 1 TiB or less than 0; not offered",
            )
            return None
        known = self._index.find(file)
        if file.path in self._unreadable or known is None:
            if file.path in self._unreadable:
                self.problems.append(self._unreadable[file.path])
            self.is_whole = False
            return None
        facts = known.facts
        if "broken" in facts:
            self.is_final = self.is_final and PARSER_CRASHED not in facts
            then = "not shown" if file is self._folder.cover else "not offered"
            self.add_problem(file, f"{facts['broken']}; {then}")
            return None
        if not file.size_bytes:
            self.add_problem(file, "is empty; not offered")
            return None
        content = _content(file, known, facts)
        self.notes += [
            f"{printable(file.path)} {note}" for note in facts.get("notes", ())
        ]
        if NOT_UTF_8 in facts and self.is_lyrics(file):
            self.notes.append(
                f"{printable(file.path)} is not shown as lyrics: it is not "
                "UTF-8; save it in that encoding"
            )
        if self.is_lyrics(file):
            for line, what in facts.get(WRONG_LINES, ()):
                self.add_problem(file, what, line)
        return content, facts

    def cover(self) -> Cover | None:
        """Return the cover: a file, or else the picture inside a track."""
        file = self._folder.cover
        if file is None:
            return self._embedded_cover()
        found = self.content(file)
        if found is None:
            return None
        content, facts = found
        return Cover(content, facts["width"], facts["height"], facts["colour"])

    def _embedded_cover(self) -> Cover | None:
        found = find_embedded_cover(self._index, self._folder)
        if found is None or found.file.path in self._unreadable:
            return None
        content = _content(found.file, found.known, found.known.facts)
        return Cover(content, **found.art, is_embedded=True)


def _content(
    file: FoundFile, known: IndexEntry, facts: dict[str, Any]
) -> Content:
    identity = file.identity  # of the scan's own numbers, which stay anyway
    return Content(
        file.path,
        identity if identity == known.identity else known.identity,
        known.sha256,
        known.crc32,
        facts.get("media_type") or media_type(file.suffix),
    )
