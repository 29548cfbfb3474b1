# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library of a single file, and changes to that file."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, FileIdentity


class SingleFileStore:
    """A library of one file, and its content in the catalog."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "library"
        self.file = self.root / "A" / "a.wav"
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"sound")
        self.folder = LocalStorage(self.root)
        self.content = self.known("A/a.wav")

    def known(self, path: str) -> Content:
        file = self.root / path
        return Content(
            path,
            FileIdentity.of(file.stat()),
            hashlib.sha256(file.read_bytes()).digest(),
            0,
            "audio/wav",
        )

    def replace(self) -> None:
        """Remove the file, to be replaced by something else."""
        self.file.unlink()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def apply_with_new_status(
    store: SingleFileStore, change: Callable[[SingleFileStore], None]
) -> None:
    """Apply a change once it will change the status as well.

    The clock of a file system may advance in steps of milliseconds.
    """
    mark = store.root.parent / "mark"
    while True:
        mark.write_bytes(b"")
        if mark.stat().st_ctime_ns > store.content.identity.ctime_ns:
            break
    change(store)


async def opened(store: SingleFileStore) -> bytes:
    with store.folder.open(store.content) as file:
        return file.read()


def restrict(store: SingleFileStore) -> None:
    store.file.chmod(0o600)
