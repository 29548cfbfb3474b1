# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orphaned spools: events that terminated processes did not sync.

Several processes may share a data folder. Each writes to a folder of its own
and holds its lock, so a folder whose lock is free is orphaned. One process
acquires it, and syncs its events.
"""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import lock_folder
from msrv.ledger.segments import SUFFIX

log = logging.getLogger(__name__)

SET_ASIDE_NAME: Final = "set-aside.log"
"""File of the records that can't be synced, for the operator to inspect."""
_DRAFT_SECONDS: Final = 3600


@dataclass(slots=True, eq=False)
class OrphanedSpool:
    """Folder of a terminated process, locked by this one until `release`."""

    folder: Path
    lock: int

    @property
    def segment_paths(self) -> list[Path]:
        """Paths of the segments, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def release(self, *, delete: bool) -> None:
        """Unlock the folder; with `delete`, remove it and its segments."""
        if delete:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


def acquire_orphans(root: Path, own: Path | None) -> Iterator[OrphanedSpool]:
    """Lock and yield the orphaned folders in `root`, which may not exist.

    `own` is the folder of this process. Each of the yielded has to be
    released. Raises OSError.
    """
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if folder == own or not folder.is_dir():
            continue
        if folder.name.startswith("."):
            _remove_old_draft(folder)
            continue
        # Another process may have acquired and deleted it meanwhile.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            lock = lock_folder(folder)
            if lock is not None:
                yield OrphanedSpool(folder, lock)


def set_aside(root: Path, records: bytes) -> None:
    """Append records that can't be synced to a file of their own.

    Raises OSError.
    """
    with (root / SET_ASIDE_NAME).open("ab") as file:
        file.write(records)
        file.flush()
        os.fsync(file.fileno())


def _remove_old_draft(draft: Path) -> None:
    """Remove a folder whose process was killed while creating it."""
    with contextlib.suppress(OSError):
        if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
            shutil.rmtree(draft, ignore_errors=True)
