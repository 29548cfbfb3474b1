# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Data folder: whether it lasts, and its lock.

The lock is shared by running stores, and exclusive for a restore.

A restore replaces what a running store has open, so the two exclude each
other. While a restore writes, its draft is the folder DRAFT_NAME in the data
folder; one that is left over shows that it was interrupted, and a store that
started then would sell with half of its records.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msrv.files import lock_folder

DRAFT_NAME: Final = ".restore"
MOVED_NAME: Final = "moved"
"""File in the draft, from when its files are moved to their places."""
MOUNTS: Final = Path("/proc/self/mountinfo")

_EMPTY_DIR: Final = "/kubernetes.io~empty-dir/"
"""In the path of each emptyDir on the node, below the kubelet's folder."""
_IN_POD: Final = "KUBERNETES_SERVICE_HOST"
"""Variable that Kubernetes sets in every container."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


class DataFolderLocked(Exception):
    """The data folder is in use, or half restored; the text is one line."""


class DataFolderTemporary(Exception):
    """The data folder would be deleted with its pod; the text is one line."""


def require_permanence(
    folder: Path, environ: Mapping[str, str], mounts: Path = MOUNTS
) -> None:
    """Raise DataFolderTemporary for an `emptyDir` of Kubernetes.

    It would lose sales that the database doesn't have yet, unprocessed
    webhooks and unsent mails. `mounts` is a file as proc(5) describes
    /proc/self/mountinfo; where there is none, nothing is known or raised.
    """
    try:
        text = mounts.read_text("utf-8", "surrogateescape")
    except OSError:
        return
    point, root, kind = _mount_of(folder.resolve(), text)
    is_in_memory = (
        _IN_POD in environ and kind == "tmpfs" and point == folder.resolve()
    )
    if _EMPTY_DIR in root or is_in_memory:
        raise DataFolderTemporary(
            f"MSRV_DATA: {folder} is an emptyDir, which Kubernetes deletes "
            "with the pod, and with it sales that the database doesn't have "
            "yet: mount a PersistentVolumeClaim there"
        )


@contextlib.contextmanager
def shared_lock(folder: Path) -> Iterator[None]:
    """Hold a store's lock on a data folder.

    Raises DataFolderLocked, and DataFolderTemporary. Where the folder can't be
    written to, or its file system has no locks, there is no lock: a store runs
    even so.
    """
    require_permanence(folder, os.environ)
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
        draft = folder / DRAFT_NAME
        if draft.exists():
            # Once files were moved, the rest of the backup is missing.
            choice = (
                ""
                if (draft / MOVED_NAME).exists()
                else f", or delete {draft} to start without the backup"
            )
            raise DataFolderLocked(
                f"MSRV_DATA: a restore of {folder} was interrupted: run "
                f"`python -m msrv restore` again{choice}"
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


def _mount_of(folder: Path, text: str) -> tuple[Path, str, str]:
    """Return the mount that a folder is in: its point, root and type.

    Of several mounts at one point, the last one counts.
    """
    best = Path("/"), "/", ""
    for line in text.splitlines():
        fields, _, rest = line.partition(" - ")
        words = fields.split(" ")
        if len(words) < 5 or not rest:
            continue
        root, point = _unescaped(words[3]), Path(_unescaped(words[4]))
        if folder.is_relative_to(point) and point.is_relative_to(best[0]):
            best = point, root, rest.split(" ")[0]
    return best


def _unescaped(text: str) -> str:
    """Return a path whose spaces and the like are written in octal."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
