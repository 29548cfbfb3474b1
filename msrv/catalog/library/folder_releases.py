"""Releases of a library's folders, built anew or kept as they last were.

A folder that is changing, or can't be read, is not sold half.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from msrv.catalog.config.config_files import ConfigFiles
from msrv.catalog.config.toml_models import StoreConfig
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import FoundFolder, content_files
from msrv.catalog.library.indexing import BEING_CHANGED
from msrv.catalog.library.release_builder import BuiltRelease, build_release
from msrv.catalog.library.scan import RELEASE_TOML
from msrv.catalog.library.upload_detection import UnsettledFolder
from msrv.display_text import printable
from msrv.toml_file import Problem

log = logging.getLogger(__name__)


class FolderReleases:
    """Builds releases for one reading of a library; adds to its `problems`.

    `lacked_since` and `lacking_since` say since when a folder has had a file
    that can't be read: at the last reading, and at this one. It keeps its old
    release for `grace_seconds` from then. `retrying` says that a folder was
    changing, and has to be read again.
    """

    def __init__(
        self,
        index: FileIndex,
        config: ConfigFiles,
        store: StoreConfig,
        unsettled: Mapping[str, UnsettledFolder],
        problems: list[Problem],
        *,
        incomplete_before: Mapping[str, float],
        grace_seconds: float,
        now: float,
    ) -> None:
        self._index = index
        self._config = config
        self._store = store
        self._unsettled = unsettled
        self._problems = problems
        self._incomplete_before = incomplete_before
        self._grace_seconds = grace_seconds
        self._now = now
        self.retrying = False
        self.incomplete_since: dict[str, float] = {}

    def build(
        self,
        folder: FoundFolder,
        old: BuiltRelease | None,
        unreadable: Mapping[str, Problem],
    ) -> BuiltRelease | None:
        """Build a folder's release; where that fails, the old one stays.

        `old` is that of the last reading. `unreadable` are problems of files
        that can't be read now, by path. None where the folder is changing,
        and has no old release.
        """
        changing = [
            file.path
            for file in content_files(folder)
            if file.path in unreadable
            and unreadable[file.path].what == BEING_CHANGED
        ]
        if changing:
            # Its status was cached, and is another now that it is open.
            self._problems += [unreadable[path] for path in changing]
            self.retrying = True
            return old
        try:
            made = self._build(folder, old, unreadable)
            return (
                made
                if made.is_whole
                else self._build_incomplete(folder, old, made)
            )
        except Exception as error:
            # A mistake of ours is this folder's problem alone.
            log.exception("%s could not be read", printable(folder.path))
            what = f"could not be read: {error!r}"
            problem = Problem(printable(folder.path), None, what)
            if old is None:
                return BuiltRelease(None, None, (problem,), is_whole=False)
            return replace(
                old, source=None, problems=(problem,), is_whole=False
            )

    def build_from_index(self, folder: FoundFolder) -> BuiltRelease:
        """Build a folder's release from its files as they were last read.

        Whoever downloads one meanwhile has it hashed first; see storage.
        """
        with self._index.ignoring_status():
            made = self._build(folder, None, {})
        return replace(made, source=None)

    def _build_incomplete(
        self, folder: FoundFolder, old: BuiltRelease | None, made: BuiltRelease
    ) -> BuiltRelease:
        """Return the release of a folder with a file that can't be read.

        A disk that fails for a moment must not sell an album without a song,
        for less. For the grace, it stays as it was.
        """
        since = self._incomplete_before.get(folder.path, self._now)
        self.incomplete_since[folder.path] = since
        if old is None or self._now - since >= self._grace_seconds:
            return made
        return replace(
            old, source=None, problems=made.problems, is_whole=False
        )

    def _build(
        self,
        folder: FoundFolder,
        old: BuiltRelease | None,
        unreadable: Mapping[str, Problem],
    ) -> BuiltRelease:
        """Build a release by its release.toml, or by the last good one."""
        waits = self._unsettled.get(folder.path)
        file = folder.config
        is_arriving = (
            file is not None and waits is not None and file.path in waits.paths
        )
        said = self._config.release(
            folder, self._store.shop, is_arriving=is_arriving
        )
        if said.broken and old is not None and old.release is not None:
            # Not kept as made from this source: it is looked at again.
            return replace(old, source=None, problems=said.broken)
        if said.config is None:
            waiting = Problem(
                printable(folder.path),
                None,
                f"is not offered until its {RELEASE_TOML} is fixed",
            )
            return BuiltRelease(None, None, (waiting, *said.broken))
        described = said.config
        if waits is not None and not (is_arriving and len(waits.paths) == 1):
            # Delivered to its buyers as before, and not sold meanwhile.
            described = described.model_copy(update={"hidden": True})
        made = build_release(
            self._index, folder, described, self._store, unreadable
        )
        if waits is not None or not said.is_latest:
            problems = (*said.broken, *made.problems)
            return replace(made, source=None, problems=problems)
        return made
