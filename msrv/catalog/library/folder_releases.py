"""Releases of a library's folders, built anew or kept as they last were.

A folder that is changing, or can't be read, is not sold half.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from msrv.catalog.config.config_files import ConfigFiles
from msrv.catalog.config.toml_models import StoreConfig
from msrv.catalog.library.file_index import Index
from msrv.catalog.library.found_files import FoundFolder, in_release
from msrv.catalog.library.indexing import CHANGING
from msrv.catalog.library.release_builder import Built, build
from msrv.catalog.library.scan import RELEASE_TOML
from msrv.catalog.library.upload_detection import Unsettled
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
        index: Index,
        config: ConfigFiles,
        store: StoreConfig,
        unsettled: Mapping[str, Unsettled],
        problems: list[Problem],
        *,
        lacked_since: Mapping[str, float],
        grace_seconds: float,
        now: float,
    ) -> None:
        self._index = index
        self._config = config
        self._store = store
        self._unsettled = unsettled
        self._problems = problems
        self._lacked_since = lacked_since
        self._grace_seconds = grace_seconds
        self._now = now
        self.retrying = False
        self.lacking_since: dict[str, float] = {}

    def built(
        self,
        folder: FoundFolder,
        old: Built | None,
        unreadable: Mapping[str, Problem],
    ) -> Built | None:
        """Build a folder's release; where that fails, the old one stays.

        `old` is that of the last reading. `unreadable` are problems of files
        that can't be read now, by path. None where the folder is changing,
        and has no old release.
        """
        changing = [
            file.path
            for file in in_release(folder)
            if file.path in unreadable
            and unreadable[file.path].what == CHANGING
        ]
        if changing:
            # Its status was cached, and is another now that it is open.
            self._problems += [unreadable[path] for path in changing]
            self.retrying = True
            return old
        try:
            made = self._release(folder, old, unreadable)
            return made if made.is_whole else self._lacking(folder, old, made)
        except Exception as error:
            # A mistake of ours is this folder's problem alone.
            log.exception("%s could not be read", printable(folder.path))
            what = f"could not be read: {error!r}"
            problem = Problem(printable(folder.path), None, what)
            if old is None:
                return Built(None, None, (problem,), is_whole=False)
            return replace(
                old, source=None, problems=(problem,), is_whole=False
            )

    def recalled(self, folder: FoundFolder) -> Built:
        """Build a folder's release from its files as they were last read.

        Whoever downloads one meanwhile has it hashed first; see storage.
        """
        with self._index.recalling():
            made = self._release(folder, None, {})
        return replace(made, source=None)

    def _lacking(
        self, folder: FoundFolder, old: Built | None, made: Built
    ) -> Built:
        """Return the release of a folder with a file that can't be read.

        A disk that fails for a moment must not sell an album without a song,
        for less. For the grace, it stays as it was.
        """
        since = self._lacked_since.get(folder.path, self._now)
        self.lacking_since[folder.path] = since
        if old is None or self._now - since >= self._grace_seconds:
            return made
        return replace(
            old, source=None, problems=made.problems, is_whole=False
        )

    def _release(
        self,
        folder: FoundFolder,
        old: Built | None,
        unreadable: Mapping[str, Problem],
    ) -> Built:
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
            return Built(None, None, (waiting, *said.broken))
        described = said.config
        if waits is not None and not (is_arriving and len(waits.paths) == 1):
            # Delivered to its buyers as before, and not sold meanwhile.
            described = described.model_copy(update={"hidden": True})
        made = build(self._index, folder, described, self._store, unreadable)
        if waits is not None or not said.is_latest:
            problems = (*said.broken, *made.problems)
            return replace(made, source=None, problems=problems)
        return made
