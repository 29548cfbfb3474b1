# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stored library: what was last loaded, so that a store sells at its start.

A file of the data folder, read before the library is scanned. It can be made
again from the library: one that is damaged, or of another program, library or
version, is not used.

A purchase must never follow what was true before the start. So store.toml,
each release.toml and each folder are compared with their status then: without
the same store.toml the file isn't used at all, and releases whose folder or
release.toml differs are withdrawn until the scan has read them. What is left
is a file that was changed in its place: its release has the right price, and
storage checks each file before it is sent.
"""

import contextlib
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from msrv.catalog.documents.catalog_document import decode_catalog
from msrv.catalog.documents.changed_releases import (
    ChangedFolders,
    with_hidden,
)
from msrv.catalog.documents.library_document import (
    LibraryHead,
    StoredStatus,
    format_library,
    parse_library,
)
from msrv.catalog.library.found_files import STORE_TOML, Scan
from msrv.catalog.library.release_builder import BuiltRelease
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.model import Catalog
from msrv.catalog.names import ignored_names
from msrv.display_text import reason_of
from msrv.files import write_file
from msrv.text_table import plural

log = logging.getLogger(__name__)

FILE_NAME: Final = "catalog.stored"
SAVE_SECONDS: Final = 30.0
"""Time between two writes of the file, of 400 bytes per item."""
_OLD_DRAFT_SECONDS: Final = 60.0


class StoredLibrary:
    """File with the last loaded library of a folder.

    For one thread at a time. `timer` is monotonic, in seconds.
    """

    def __init__(
        self,
        root: Path,
        data: Path,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._prefix = os.fsencode(root) + b"/"
        self._file = data / FILE_NAME
        self._timer = timer
        self._digest = b""
        self._pending: tuple[LoadedLibrary, Scan] | None = None
        self._saved_at: float | None = None
        self._warned = False

    def load(self) -> LoadedLibrary | None:
        """Return the library as it was last loaded; None without a usable one.

        Releases that have changed since are hidden, and not in `built`.
        Blocks. No error is raised; one line is logged.
        """
        try:
            self._delete_drafts()
            data = self._file.read_bytes()
            self._digest, head, catalog = parse_library(data)
            if head.root != os.fsencode(self._root.resolve()):
                raise ValueError("it is of another library")
            if not self._has_same_store(head):
                log.info("%s has changed: reading the library", STORE_TOML)
                return None
            with _paused_collector():
                loaded = self._loaded(head, decode_catalog(catalog))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.info(
                "can't use %s (%s); reading the library before selling",
                self._file,
                reason_of(error),
            )
            return None
        except Exception:
            # A bug must not keep the store from reading its library.
            log.exception("%s can't be used", self._file)
            return None
        count = plural(len(loaded.catalog.offered), "release")
        log.info(
            "catalog: %s from the stored library, until the library has been "
            "read",
            count,
        )
        return loaded

    def update(self, loaded: LoadedLibrary, found: Scan) -> None:
        """Replace what is saved next: a library, and the scan it is from.

        One of which something is being changed is not saved.
        """
        if found.is_complete and not loaded.waiting:
            self._pending = loaded, found

    def save_due(self) -> None:
        """Save what was updated, unless that was done a moment ago. Blocks."""
        now = self._timer()
        if self._saved_at is None or now - self._saved_at >= SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Save what was updated; a failure is logged. Blocks."""
        if self._pending is None:
            return
        self._saved_at = self._timer()
        try:
            digest, data = format_library(self._root, *self._pending)
            if digest == self._digest:
                self._pending = None
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # A lost name only means a slower start.
            write_file(self._file, data, durable_name=False)
        except (OSError, OverflowError, TypeError, ValueError) as error:
            if not self._warned:
                log.warning(
                    "can't write %s, so the next start reads the library "
                    "first: %s",
                    self._file,
                    reason_of(error),
                )
            self._warned = True
            return
        except Exception:
            self._pending = None
            log.exception("%s can't be written", self._file)
            return
        self._digest, self._pending, self._warned = digest, None, False

    def _delete_drafts(self) -> None:
        """Delete what killed processes were writing."""
        until = time.time() - _OLD_DRAFT_SECONDS
        for draft in self._file.parent.glob(f".{FILE_NAME}.*"):
            with contextlib.suppress(OSError):
                if draft.stat().st_mtime < until:
                    draft.unlink()

    def _has_same_store(self, head: LibraryHead) -> bool:
        """Return whether store.toml is the one of the stored library."""
        with os.scandir(self._root) as entries:
            names = {
                os.fsencode(each.name)
                for each in entries
                if each.name.lower() == STORE_TOML
            }
        if head.store_file is None:
            return not names
        return names == {head.store_file.path} and self._is_same(
            head.store_file
        )

    def _has_new_folders(self, head: LibraryHead) -> bool:
        """Return whether the library itself has folders that it hadn't."""
        known = {each.path for each in head.folders}
        with os.scandir(self._root) as entries:
            return any(
                os.fsencode(each.name) not in known and each.is_dir()
                for each in entries
                if not ignored_names.is_ignored(each.name)
                and not ignored_names.is_nas_folder(each.name)
            )

    def _is_same(self, known: StoredStatus) -> bool:
        """Return whether a file or folder still has this status."""
        try:
            found = os.stat(self._prefix + known.path)  # noqa: PTH116 - a Path takes three times longer
        except OSError:
            return False
        return known.mtime_ns == found.st_mtime_ns and (
            known.ctime_ns == found.st_ctime_ns
            and known.size_bytes in {-1, found.st_size}
        )

    def _loaded(self, head: LibraryHead, catalog: Catalog) -> LoadedLibrary:
        paths = [
            os.fsdecode(each.path)
            for each in head.folders
            if not self._is_same(each)
        ]
        changed = ChangedFolders(paths)
        hidden = {
            release_id
            for release_id, config in head.configs
            if not self._is_same(config)
        } | {
            each.release_id
            for each in catalog.releases
            if changed.affect(each.folder)
        }
        known = catalog.releases_by_id
        return LoadedLibrary(
            with_hidden(catalog, hidden),
            head.problems,
            head.notes,
            waiting=True,
            store=head.store,
            built={
                release.folder: BuiltRelease(
                    (each.source, head.store),
                    release,
                    each.problems,
                    each.unpriced,
                    lines={
                        os.fsdecode(path): line for path, line in each.lines
                    },
                    notes=each.notes,
                    digest=each.digest,
                    is_price_stated=each.is_price_stated,
                )
                for each in head.built
                if each.release_id not in hidden
                and (release := known.get(each.release_id))
            },
            is_stored=True,
            withholds=bool(paths or hidden) or self._has_new_folders(head),
        )


@contextlib.contextmanager
def _paused_collector() -> Iterator[None]:
    """Pause Python's cyclic garbage collector; it skips what exists then.

    A catalog has no cycles, and each full collection would look at all of it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
