# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Import: sources are unpacked, understood, merged and published.

Everything is unpacked into drafts, which no store sees, and each release
appears in the library in one step. Formats of one release become one.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.drafts.config_drafts import ReleaseDraft
from msrv.catalog.drafts.release_folders import DraftFolder, find_place
from msrv.catalog.imports.release_facts import (
    ReleaseFacts,
    common_prefix,
    final_names,
    find_facts,
    free_name,
    has_several_albums,
    single_facts,
)
from msrv.catalog.imports.source_files import (
    ImportRefused,
    Source,
    SourceFile,
    is_track,
)
from msrv.catalog.library.found_files import RELEASE_TOML
from msrv.catalog.metadata.tags import NotAudio, Tags
from msrv.catalog.names import ids
from msrv.catalog.parsing.errors import ParsingError
from msrv.catalog.parsing.parser import Parser
from msrv.display_text import printable, reason_of
from msrv.files import write_file

VARIOUS: Final = "Various Artists"
"""Folder of a release whose tracks have different artists."""
SPARE_BYTES: Final = 64 << 20
"""Space that an import leaves free."""
_CHUNK_BYTES: Final = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the bytes that are done, and their total."""


@dataclass(slots=True)
class _Unpacked:
    """A source in its draft. `hashes` are SHA-256s by the files' names.

    `single` are the facts of a source of one track, if it is a release by
    itself.
    """

    source: Source
    draft: DraftFolder
    facts: ReleaseFacts
    single: ReleaseFacts | None
    hashes: dict[str, bytes]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class ImportedRelease:
    """A release that was imported, or would be.

    `files` are the names in its folder, `sources` the paths it came from.
    """

    place: Path
    release_id: str
    facts: ReleaseFacts
    files: tuple[str, ...]
    sources: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    @property
    def tracks(self) -> int:
        """Number of audio files, of all formats."""
        return sum(map(is_track, self.files))


@dataclass(slots=True)
class ReleaseImport:
    """Import into one library.

    `artist` and `title` override what the files say; all sources are then
    one release. With `moves`, files are linked instead of copied where that
    is possible; removing the originals is up to the caller. A `dry_run`
    unpacks and parses everything, and publishes nothing.
    """

    library: Path
    parser: Parser
    currency: str
    artist: str | None = None
    title: str | None = None
    moves: bool = False
    dry_run: bool = False
    progress: Progress = lambda *_: None
    _done_bytes: int = 0
    _total_bytes: int = field(default=0, init=False)

    def run(self, sources: Sequence[Source]) -> list[ImportedRelease]:
        """Import the sources, all of them or none. Blocks, for long.

        Only an error between two releases' last steps leaves the first.
        Raises ImportRefused, FolderExists, and OSError.
        """
        self._total_bytes = sum(each.size_bytes for each in sources)
        free = shutil.disk_usage(self.library).free
        needed = self._copied_bytes(sources)
        if needed and needed + SPARE_BYTES > free:
            raise ImportRefused(
                f"there is too little space in {printable(str(self.library))}"
                f": {needed:,} bytes are needed, and {free:,} are free"
            )
        with ExitStack() as stack:
            parts = []
            for source in sources:
                draft = stack.enter_context(DraftFolder(self.library))
                parts.append(self._unpack(source, draft))
            merged = [self._merge(*each) for each in self._group(parts)]
            places = [each.place for each, _ in merged]
            if len(set(places)) < len(places):
                raise ImportRefused(
                    "two releases would have the same folder: import them "
                    "one by one, with --title"
                )
            if not self.dry_run:
                for release, draft in merged:
                    draft.publish(release.place)
            return [release for release, _ in merged]

    def _copied_bytes(self, sources: Sequence[Source]) -> int:
        """Return the size of what can't be linked. Raises OSError."""
        device = self.library.stat().st_dev
        return sum(
            file.size_bytes
            for source in sources
            for file in source.files
            if not self.moves
            or file.path is None
            or file.path.stat().st_dev != device
        )

    def _unpack(self, source: Source, draft: DraftFolder) -> _Unpacked:
        hashes: dict[str, bytes] = {}
        tags: dict[str, Tags] = {}
        notes = list(source.notes)
        paths: dict[str, Path] = {}
        for number, file in enumerate(source.files):
            # Hidden, so that no final name is the same.
            path = paths[file.name] = draft.path / f".{number}"
            try:
                hashes[file.name] = self._copy(file, path)
            except OSError as error:
                if error.filename is not None:
                    raise
                raise ImportRefused(
                    f"{printable(source.path.name)}: "
                    f"{printable(file.name)!r} {reason_of(error)}"
                ) from None
            if is_track(file.name):
                found = self._tags(file, path, hashes[file.name], notes)
                if found is not None:
                    tags[file.name] = found
        tracks = [each for each in hashes if is_track(each)]
        known = [tags[each] for each in tracks if each in tags]
        if self.title is None and has_several_albums(tags):
            raise ImportRefused(
                f"{printable(source.path.name)} contains several releases: "
                "import each of its folders, or set --title"
            )
        prefix = common_prefix(tracks, known)
        final = final_names(list(hashes), prefix)
        for name, path in paths.items():
            target = draft.path / final[name]
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        return _Unpacked(
            source,
            draft,
            find_facts(source.title, known, prefix),
            single_facts(source.title, known[0] if known else Tags())
            if source.is_single
            else None,
            {final[name]: sha256 for name, sha256 in hashes.items()},
            notes,
        )

    def _group(
        self, parts: Sequence[_Unpacked]
    ) -> list[tuple[ReleaseFacts, list[_Unpacked]]]:
        """Return what each release consists of, with its facts."""
        groups: dict[tuple[str, str], list[_Unpacked]] = {}
        for part in parts:
            key = ("", "") if self.title is not None else part.facts.key
            groups.setdefault(key, []).append(part)
        found = []
        for group in groups.values():
            singles = {
                each.single.key: each.single
                for each in group
                if each.single is not None
            }
            is_album = len(singles) > 1 or any(
                each.single is None for each in group
            )
            facts = (
                group[0].facts if is_album else next(iter(singles.values()))
            )
            found.append((self._overridden(facts), group))
        return found

    def _overridden(self, facts: ReleaseFacts) -> ReleaseFacts:
        return ReleaseFacts(
            facts.artist if self.artist is None else self.artist,
            facts.title if self.title is None else self.title,
            facts.date,
            facts.is_various and self.artist is None,
        )

    def _copy(self, file: SourceFile, target: Path) -> bytes:
        """Write a file to the disk, and return its SHA-256.

        Raises OSError, without a file name if the source is to blame.
        """
        digest = hashlib.sha256()
        is_linked = False
        if self.moves and file.path is not None:
            with suppress(OSError):  # another file system
                os.link(file.path, target, follow_symlinks=False)
                is_linked = True
        with ExitStack() as stack:
            read = stack.enter_context(file.open())
            out: BinaryIO | None = None
            if not is_linked:
                out = stack.enter_context(target.open("xb"))
            size = 0
            for chunk in _chunks(read):
                digest.update(chunk)
                size += len(chunk)
                if size > file.size_bytes:
                    break
                if out is not None:
                    out.write(chunk)
                self._done_bytes += len(chunk)
                self.progress(self._done_bytes, self._total_bytes)
            if size != file.size_bytes:
                raise OSError(None, "has another size than it states")
            if out is not None:
                out.flush()
                os.fsync(out.fileno())
        return digest.digest()

    def _tags(
        self, file: SourceFile, path: Path, sha256: bytes, notes: list[str]
    ) -> Tags | None:
        """Return a track's tags; None, and a note, if it has none."""
        try:
            with path.open("rb") as opened:
                return self.parser.tags(opened, file.name, sha256)
        except (NotAudio, ParsingError, OSError) as error:
            notes.append(f"{printable(file.name)}: {reason_of(error)}")
            return None

    def _merge(
        self, facts: ReleaseFacts, parts: list[_Unpacked]
    ) -> tuple[ImportedRelease, DraftFolder]:
        """Merge the parts of one release into the first one's draft."""
        first = parts[0]
        hashes = dict(first.hashes)
        folded = {each.casefold() for each in hashes}
        for part in parts[1:]:
            for name, sha256 in part.hashes.items():
                if name == RELEASE_TOML and name in hashes:
                    continue
                if hashes.get(name) == sha256:
                    continue  # the same cover
                free = free_name(name, folded)
                target = first.draft.path / free
                target.parent.mkdir(parents=True, exist_ok=True)
                (part.draft.path / name).rename(target)
                hashes[free] = sha256
                folded.add(free.casefold())
        artist = VARIOUS if facts.is_various else facts.artist
        place = find_place(self.library, artist, facts.title)
        release_id = ids.release_id(place.relative_to(self.library).as_posix())
        files = sorted(hashes)
        if RELEASE_TOML not in hashes:
            text = ReleaseDraft(
                title=facts.title,
                artist=facts.artist,
                date=facts.date,
                currency=self.currency,
                release_id=release_id,
                files=[each for each in files if is_track(each)] or files,
            ).to_toml()
            write_file(first.draft.path / RELEASE_TOML, text.encode("utf-8"))
        release = ImportedRelease(
            place,
            release_id,
            facts,
            tuple(each for each in files if each != RELEASE_TOML),
            tuple(each.source.path for each in parts),
            tuple(note for each in parts for note in each.notes),
        )
        return release, first.draft


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
