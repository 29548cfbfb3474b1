# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoding of one planned track: claimed, encoded, checked, published.

Apart from `encoder`, which runs the programs and knows no library and no
folder of encodings.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msrv.catalog.encodings.encoder import (
    Encoder,
    EncoderBuild,
    EncodingFailed,
    EncodingTask,
)
from msrv.catalog.encodings.encoding_plan import PlannedEncoding
from msrv.catalog.encodings.encoding_store import Encoding, EncodingStore
from msrv.storage.model import Storage

_FREE_SHARE: Final = 20
MAX_FREE_BYTES: Final = 10 << 30

FreeFloor = Callable[[int], int]
"""Returns how many bytes of a disk of that size encodings leave free."""


def free_floor(total_bytes: int) -> int:
    """Return a twentieth of a disk, ten gibibytes at most.

    Sales, backups and covers need space too.
    """
    return min(total_bytes // _FREE_SHARE, MAX_FREE_BYTES)


class TrackEncoder:
    """Encodes planned tracks one at a time, in the thread that calls it."""

    def __init__(
        self,
        build: EncoderBuild,
        library: Storage,
        store: EncodingStore,
        *,
        is_idle: bool = True,
        min_free_bytes: FreeFloor = free_floor,
    ) -> None:
        self._version = build.version
        self._library = library
        self._store = store
        self._min_free_bytes = min_free_bytes
        self._encoder = Encoder(build, is_idle=is_idle)

    def encode(
        self, planned: PlannedEncoding, cover: bytes
    ) -> tuple[Encoding, bool] | None:
        """Return a track's encoding, and whether it was encoded just now.

        None while another process is encoding it. `cover` is a JPEG, or
        empty. Raises EncodingFailed, the storage's errors, and OSError if the
        folder can't be written to or the disk is almost full.
        """
        content = planned.item.content
        task = EncodingTask(
            planned.recipe,
            planned.sound,
            planned.item.duration_seconds or 0.0,
            planned.item.file_name,
            planned.tags,
            cover,
        )
        self._check_space(task)
        draft = self._store.claim(planned.key(self._version))
        if draft is None:
            return None
        try:
            # Another store may have made it since the folder was read.
            self._store.load()
            known = self._store.get(planned.source)
            if known is not None:
                return known, False
            with self._library.open(content) as master:
                self._encoder.encode(task, master, draft.descriptor)
                if not self._library.is_verified(master.fileno(), content):
                    raise EncodingFailed(
                        "it was changed meanwhile", is_permanent=False
                    )
            made = self._store.publish(
                draft, planned.recipe, planned.source, planned.master
            )
        finally:
            self._store.discard(draft)
        return made, True

    def kill(self) -> None:
        """Kill what runs; nothing is encoded from now on. Any thread."""
        self._encoder.kill()

    def close(self) -> None:
        """Stop the processes. In the thread that encodes."""
        self._encoder.close()

    def _check_space(self, task: EncodingTask) -> None:
        usage = shutil.disk_usage(_existing(self._store.folder))
        if usage.free - task.max_bytes < self._min_free_bytes(usage.total):
            raise OSError(None, "the disk is almost full")


def _existing(folder: Path) -> Path:
    """Return a folder, or the parent of one that doesn't exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
