# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Loader of a library: its catalog, and the problems found on the way.

No single folder makes loading fail: a file that can't be used is reported as
a problem, and a release with an invalid release.toml stays as it last was.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType

from msrv.catalog.artists import profile_notes
from msrv.catalog.config.config_files import ConfigFiles
from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.catalog_assembly import (
    assemble_catalog,
    drop_duplicate_ids,
    find_unknown_ids,
    release_notes,
    shop_with_files,
)
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import STORE_TOML, FoundFolder, Scan
from msrv.catalog.library.hash_batches import (
    settled_files,
    split_batch,
    was_indexed,
)
from msrv.catalog.library.indexing import (
    Progress,
    index_files,
    update_index,
)
from msrv.catalog.library.release_builder import BuiltRelease
from msrv.catalog.library.release_updates import ReleaseUpdater
from msrv.catalog.library.scan import LibraryUnreadable, scan
from msrv.catalog.library.upload_detection import (
    GRACE_FACTOR,
    LIBRARY,
    THEME,
    UnsettledFolder,
    explain_wait,
)
from msrv.catalog.loaded_library import LoadedLibrary, with_former_ids
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.scanning.vanished_folders import find_vanished
from msrv.catalog.texts.legal_reader import read_legal_texts
from msrv.catalog.texts.seller_texts import (
    NO_TEXTS,
    TextReader,
    picture_folders,
    settled_pictures,
)
from msrv.catalog.theme.theme_reader import Known, read_theme_files
from msrv.display_text import printable
from msrv.toml_file import Problem, sorted_problems

__all__ = ["LibraryUnreadable", "LoadedLibrary", "load_library"]


def load_library(
    root: Path,
    index: FileIndex,
    previous: LoadedLibrary | None = None,
    *,
    found: Scan | None = None,
    unsettled: Mapping[str, UnsettledFolder] = MappingProxyType({}),
    last_good: LastGoodConfig | None = None,
    quiet_seconds: float = 0,
    history: IdHistory | None = None,
    parser: Parser | None = None,
    now: float = 0,
    stopping: Callable[[], bool] = lambda: False,
    progress: Progress = lambda *_: None,
) -> LoadedLibrary:
    """Load a library. Blocks, for long if many files are new.

    `found` is a scan that was just made, `unsettled` its folders with files
    that may be half uploaded. Such a release stays as it was in `previous`,
    or is held back whole, until it has been unchanged for `quiet_seconds`.
    Of a `previous` that was stored, only unchanged releases count.
    `last_good` is the last valid configuration. `history` holds what was
    offered before, which stays available under its old ids. `parser` reads
    tags and covers; without one, one is started for this load. `now` is
    monotonic time. Raises LibraryUnreadable, and IndexingStopped once
    `stopping` returns True.
    """
    found = scan(root) if found is None else found
    stored = previous
    if previous is not None and previous.is_stored:
        previous = None
    if found.is_empty and previous is not None and previous.catalog.releases:
        raise LibraryUnreadable(
            f"the library {printable(str(root))} is empty: "
            "is its disk mounted?"
        )
    reader = _Loader(
        root, index, found, unsettled, last_good or LastGoodConfig()
    )
    reader.quiet_seconds = quiet_seconds
    reader.now = now
    reader.previous = previous
    reader.stored = stored
    with nullcontext(parser) if parser else Parser() as parsing:
        reading = reader.read(parsing, stopping, progress)
    if history is None:
        return reading
    return with_former_ids(
        reading, history, previous, is_complete=found.is_complete
    )


class _Loader:
    """One load of a library."""

    def __init__(
        self,
        root: Path,
        index: FileIndex,
        found: Scan,
        unsettled: Mapping[str, UnsettledFolder],
        last_good: LastGoodConfig,
    ) -> None:
        self._root = root
        self._index = index
        self._found = found
        self._unsettled = dict(unsettled)
        self._problems = list(found.problems)
        self._config = ConfigFiles(root, last_good, self._problems)
        self._notes = list(found.notes)
        self._held: list[Problem] = []
        self._retrying = False
        self._later: set[str] = set()
        self.quiet_seconds = 0.0
        self.now = 0.0
        self.previous: LoadedLibrary | None = None
        self.stored: LoadedLibrary | None = None

    def read(
        self,
        parser: Parser,
        stopping: Callable[[], bool],
        progress: Progress,
    ) -> LoadedLibrary:
        """Load the library; see `load_library`."""
        found = self._found
        before = self.previous or self.stored
        known = before.built if before else {}
        store = self._config.store(
            found.store,
            self.previous.store if self.previous else None,
            is_arriving=LIBRARY in self._unsettled,
        )
        if before is not None and store.is_identical(before.store):
            store = before.store  # comparing it with itself takes no time
        updater = ReleaseUpdater(
            self._index,
            self._config,
            store,
            self._unsettled,
            self._problems,
            incomplete_before=self.previous.incomplete_since
            if self.previous
            else {},
            grace_seconds=GRACE_FACTOR * self.quiet_seconds,
            now=self.now,
        )
        built: dict[str, BuiltRelease] = {}
        anew = self._new(store, known, built, updater)
        pictures = list(picture_folders(found.texts))
        unreadable = index_files(
            self._root,
            self._index,
            [*anew, *settled_pictures(pictures, self._unsettled)],
            parser=parser,
            stopping=stopping,
            progress=progress,
        )
        update_index(self._index, found, pictures)
        for folder in anew:
            made = updater.build(folder, known.get(folder.path), unreadable)
            if made is not None:
                built[folder.path] = made
        texts = TextReader(
            self._root,
            self._index,
            self._unsettled,
            unreadable,
            previous=self.previous.texts if self.previous else NO_TEXTS,
        ).read(found.texts, self._problems, self._notes)
        for path in self._unsettled:
            self._hold(path, built.get(path))
        if found.is_complete and not found.is_empty:
            self._config.retain(found.folders)
        self._config.save()
        for each in built.values():
            self._problems += each.problems
        # Which of two equal ids wins doesn't depend on which folder was new.
        by_path = [built[path] for path in sorted(built)]
        releases = drop_duplicate_ids(by_path, self._problems)
        if before is not None:
            waiting = self._waiting_folders(built)
            releases += find_vanished(
                before.catalog.releases, found.folders, waiting, releases
            )
        if found.is_complete and not self._unsettled:
            self._problems += find_unknown_ids(store, releases)
        retrying = (
            self._retrying
            or updater.retrying
            or self._config.is_waiting
            or not texts.is_whole
            or not all(made.is_whole for made in by_path)
        )
        theme = self._read_theme(store, parser)
        legal = read_legal_texts(
            self._root,
            store,
            found.theme,
            known=self.previous.legal if self.previous else {},
            are_changing=THEME in self._unsettled,
            problems=self._problems,
        )
        catalog = assemble_catalog(
            shop_with_files(store.shop, theme.values(), legal.values()),
            releases,
            texts.pages,
            texts.profiles,
            by_path,
        )
        return LoadedLibrary(
            catalog,
            sorted_problems((*self._problems, *self._held)),
            (
                *self._notes,
                *profile_notes(catalog),
                *release_notes(store, by_path),
            ),
            held=frozenset(self._held),
            waiting=bool(self._unsettled) or retrying,
            retrying=retrying,
            store=store,
            built=built,
            texts=texts,
            theme=theme,
            legal=legal,
            incomplete_since=updater.incomplete_since,
        )

    def _waiting_folders(self, built: Mapping[str, BuiltRelease]) -> set[str]:
        """Return the folders whose present files no release has yet."""
        return {*self._unsettled, *self._later}.union(
            folder.path
            for folder in self._found.folders
            if folder.path not in built or built[folder.path].release is None
        )

    def _read_theme(self, store: StoreConfig, parser: Parser) -> Known:
        """Read the files of the store's look; while they change, the old."""
        if self.previous is not None and THEME in self._unsettled:
            return self.previous.theme
        return read_theme_files(
            self._root,
            store,
            self._found.theme,
            parser,
            known=self.previous.theme if self.previous else {},
            problems=self._problems,
        )

    def _new(
        self,
        store: StoreConfig,
        known: Mapping[str, BuiltRelease],
        built: dict[str, BuiltRelease],
        updater: ReleaseUpdater,
    ) -> list[FoundFolder]:
        """Return the folders to read; the unchanged go into `built`."""
        anew: list[FoundFolder] = []
        for folder in self._found.folders:
            old = known.get(folder.path)
            if folder.path in self._unsettled:
                if old is not None:
                    built[folder.path] = old
                elif self.previous is None:
                    paths = self._unsettled[folder.path].paths
                    anew += settled_files(folder, paths, self._index)
            elif old is not None and old.source == (folder.digest, store):
                built[folder.path] = old
            else:
                anew.append(folder)
        now, later = split_batch(anew, self._index)
        self._later.update(folder.path for folder in later)
        for folder in later:
            old = known.get(folder.path)
            if old is not None:
                built[folder.path] = old
                self._retrying = True
            elif self.previous is not None:
                self._retrying = True
            elif was_indexed(folder, self._index):
                built[folder.path] = updater.build_from_index(folder)
                self._retrying = True
            else:
                now.append(folder)  # a store starts with its whole library
        return now

    def _hold(self, path: str, built: BuiltRelease | None) -> None:
        """Add the reason why a folder, or store.toml, is held back."""
        release = built.release if built else None
        reason = explain_wait(
            printable(path) if path else STORE_TOML,
            self._unsettled[path],
            is_offered=(
                self._config.is_store_known
                if path == LIBRARY
                else path == THEME
                or any(path == each.path for each in self._found.texts)
                or (release is not None and not release.hidden)
            ),
            quiet_seconds=self.quiet_seconds,
        )
        if isinstance(reason, Problem):
            self._held.append(reason)
        else:
            self._notes.append(reason)
