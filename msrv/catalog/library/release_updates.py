# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Updates of folders' releases: the new one, or the one it had before.

A folder that is changing, or can't be read, is never sold incomplete. Apart
from `loader`, which decides for the library as a whole.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from msrv.catalog.config.config_files import ConfigFiles
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import (
    RELEASE_TOML,
    FoundFolder,
    content_files,
)
from msrv.catalog.library.indexing import BEING_CHANGED
from msrv.catalog.library.release_builder import BuiltRelease, build_release
from msrv.catalog.library.upload_detection import UnsettledFolder
from msrv.display_text import printable
from msrv.toml_file import Problem

log = logging.getLogger(__name__)


class ReleaseUpdater:
    """Updater of the folders' releases during one load of a library.

    Adds to `problems`. `incomplete_before` and `incomplete_since` are the
    times since which a folder has had an unreadable file, at the last load
    and at this one; it keeps its old release for `grace_seconds` from then.
    `retrying` is True once a folder was changing and has to be read again.
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
        """Return a folder's new release, or the old one where that fails.

        `old` is that of the last load. `unreadable` are problems of files
        that can't be read now, by path. None for a folder that is changing
        and has no old release.
        """
        changing = [
            file.path
            for file in content_files(folder)
            if file.path in unreadable
            and unreadable[file.path].what == BEING_CHANGED
        ]
        if changing:
            # The scan saw a cached status; opening the file showed another.
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
            # A bug of ours must not affect other folders.
            log.exception("%s could not be read", printable(folder.path))
            failed = _failed_build(folder, error)
            if old is None:
                return failed
            return replace(
                old, source=None, problems=failed.problems, is_whole=False
            )

    def build_from_index(self, folder: FoundFolder) -> BuiltRelease:
        """Return a folder's release from its files as they were last read.

        A file that is downloaded before it is read again is hashed first; see
        storage.
        """
        try:
            with self._index.ignoring_status():
                made = self._build(folder, None, {})
        except Exception as error:
            log.exception("%s could not be read", printable(folder.path))
            return _failed_build(folder, error)
        return replace(made, source=None)

    def _build_incomplete(
        self, folder: FoundFolder, old: BuiltRelease | None, made: BuiltRelease
    ) -> BuiltRelease:
        """Return the release of a folder with an unreadable file.

        During the grace period that is the old one: a disk error of a moment
        must not sell an album without one of its songs, at a lower price.
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
        """Return a release by its release.toml, or by the last valid one."""
        unsettled = self._unsettled.get(folder.path)
        file = folder.config
        is_arriving = (
            file is not None
            and unsettled is not None
            and file.path in unsettled.paths
        )
        found = self._config.release(
            folder, self._store.shop, is_arriving=is_arriving
        )
        if found.broken and old is not None and old.release is not None:
            # Without a source, so that it is built again at the next load.
            return replace(old, source=None, problems=found.broken)
        if found.config is None:
            waiting = Problem(
                printable(folder.path),
                None,
                f"is not offered until its {RELEASE_TOML} is fixed",
            )
            return BuiltRelease(None, None, (waiting, *found.broken))
        config = found.config
        if unsettled is not None and not (
            is_arriving and len(unsettled.paths) == 1
        ):
            # Its buyers can still download it; it isn't sold meanwhile.
            config = config.model_copy(update={"hidden": True})
        made = build_release(
            self._index, folder, config, self._store, unreadable
        )
        if unsettled is not None or not found.is_latest:
            problems = (*found.broken, *made.problems)
            return replace(made, source=None, problems=problems)
        return made


def _failed_build(folder: FoundFolder, error: Exception) -> BuiltRelease:
    """Return a folder without a release, which is built again."""
    what = f"could not be read: {error!r}"
    problem = Problem(printable(folder.path), None, what)
    return BuiltRelease(None, None, (problem,), is_whole=False)
