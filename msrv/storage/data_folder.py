# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lock of a data folder: shared by running stores, exclusive for a restore.

A restore replaces what a running store has open, so the two exclude each
other. While a restore writes, its draft is the folder DRAFT_NAME in the data
folder; one that is left over shows that it was interrupted, and a store that
started then would sell with half of its records.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msrv.files import lock_folder

DRAFT_NAME: Final = ".restore"


class DataFolderLocked(Exception):
    """The data folder is in use, or half restored; the text is one line."""


@contextlib.contextmanager
def shared_lock(folder: Path) -> Iterator[None]:
    """Hold a store's lock on a data folder. Raises DataFolderLocked.

    Where the folder can't be written to, or its file system has no locks,
    there is no lock: a store runs even so.
    """
    descriptor: int | None = None
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = lock_folder(folder, shared=True)
        if descriptor is None:
            raise DataFolderLocked(
                f"MSRV_DATA: {folder} is being restored; start the store "
                "once that has finished"
            )
    try:
        if (folder / DRAFT_NAME).exists():
            raise DataFolderLocked(
                f"MSRV_DATA: a restore of {folder} was interrupted: run "
                "`python -m msrv restore` again, or delete "
                f"{folder / DRAFT_NAME} to start without the backup"
            )
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextlib.contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold a restore's lock on a data folder.

    Raises DataFolderLocked, and OSError.
    """
    descriptor = lock_folder(folder)
    if descriptor is None:
        raise DataFolderLocked(
            f"MSRV_DATA: a store is running on {folder}, or another restore: "
            "stop it first"
        )
    try:
        yield
    finally:
        os.close(descriptor)
