# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoding of one planned track: claimed, encoded, checked, published.

Apart from `encoder`, which runs the programs and knows no library and no
folder of encodings.
"""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.encodings.encoder import Encoder, EncoderBuild
from msrv.catalog.encodings.encoding_plan import PlannedEncoding
from msrv.catalog.encodings.encoding_store import Encoding, EncodingStore
from msrv.catalog.encodings.encoding_task import EncodingTask
from msrv.catalog.encodings.ffmpeg_process import EncodingFailed
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.loudness import playing_gain
from msrv.storage.model import Storage

_FREE_SHARE: Final = 20
MAX_FREE_BYTES: Final = 10 << 30
_USABLE_BYTES: Final = 1 << 20
"""A disk with less free space is full: a failed program couldn't write."""

_ESTIMATED: Final = frozenset({"aac", "mp3"})
"""Codecs whose files may not state their length."""

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
            if known is not None and self._has_analysis(planned):
                return known, False
            with self._library.open(content) as master:
                analysis = self._analyse(planned, master)
                if known is not None:
                    return known, False
                task = _after_analysis(task, planned, analysis)
                self._check_space(task)
                self._run(task, master, draft.descriptor)
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

    def _has_analysis(self, planned: PlannedEncoding) -> bool:
        return self._store.analyses.find(planned.master) is not None

    def _analyse(
        self, planned: PlannedEncoding, master: BinaryIO
    ) -> SoundAnalysis:
        """Return the analysis of an open master, made now if there is none.

        Only by this version of ffmpeg, as another's may differ in its last
        digit. Two stores that make it at once write the same.
        """
        analyses = self._store.analyses
        known = analyses.read_exact(planned.master, self._version)
        if known is not None:
            return known
        content = planned.item.content
        made = self._encoder.analyse(
            planned.sound, planned.item.duration_seconds or 0.0, master
        )
        if not self._library.is_verified(master.fileno(), content):
            raise EncodingFailed(
                "it was changed meanwhile", is_permanent=False
            )
        analyses.save(planned.master, self._version, made)
        return made

    def kill(self) -> None:
        """Kill what runs; nothing is encoded from now on. Any thread."""
        self._encoder.kill()

    def close(self) -> None:
        """Stop the processes. In the thread that encodes."""
        self._encoder.close()

    def _run(
        self, task: EncodingTask, master: BinaryIO, descriptor: int
    ) -> None:
        """Encode. Raises EncodingFailed, and OSError for a disk that filled.

        Programs say in many ways that they can't write.
        """
        try:
            self._encoder.encode(task, master, descriptor)
        except EncodingFailed as error:
            free_bytes = shutil.disk_usage(self._store.folder).free
            if error.is_permanent or free_bytes >= _USABLE_BYTES:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error

    def _check_space(self, task: EncodingTask) -> None:
        """Raise OSError if the disk would be too full, as far as is known."""
        usage = shutil.disk_usage(_existing(self._store.folder))
        most = task.max_bytes if task.seconds else 0
        if usage.free - most < self._min_free_bytes(usage.total):
            raise OSError(None, "the disk is almost full")


def _after_analysis(
    task: EncodingTask, planned: PlannedEncoding, analysis: SoundAnalysis
) -> EncodingTask:
    """Return a task with the gain of a stream, or else with tags for it.

    What keeps more than two channels has no such tags, as those were measured
    in stereo.
    An encoding has to be as long as its master's header states, or else as
    what was decoded of it.
    """
    seconds = task.seconds
    if not seconds or planned.sound.codec in _ESTIMATED:
        seconds = analysis.seconds
    task = replace(task, seconds=seconds, skips_errors=analysis.skips_errors)
    loudness = analysis.loudness
    if planned.is_stream:
        return replace(task, gain_db=playing_gain(loudness, planned.gain_db))
    if task.is_surround and not task.is_mixed_down:
        return task
    return replace(task, tags=task.tags.with_loudness(loudness))


def _existing(folder: Path) -> Path:
    """Return a folder, or the parent of one that doesn't exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
