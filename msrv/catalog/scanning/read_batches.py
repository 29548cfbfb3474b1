# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Batches of files that threads read, and what they read, in order.

Handing one file to a thread costs more than reading a small one. Apart from
`library.indexing`, which reads a file.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from msrv.catalog.library.found_files import FoundFile

_AT_ONCE: Final = 2
"""Number of batches read in parallel: more are no faster on one disk. Of small
files only one is, unless reading is mostly waiting (for a disk, a network, a
parser): two threads would hand the interpreter to each other at each call."""
_ALONE_EVERY: Final = 64
"""Number of batches after which one is read alone, to see whether it waits."""
_MAX_FILES: Final = 64
_MAX_BYTES: Final = 1 << 20

Unread = tuple[FoundFile, bool]
"""A file to read, and whether it is its folder's cover."""
_Result = TypeVar("_Result")
_Read = tuple[list[tuple[FoundFile, _Result]], bool]
"""Files with their results, and whether reading them was mostly waiting."""


def read_in_batches(
    files: Iterable[Unread], read: Callable[[FoundFile, bool], _Result]
) -> Generator[tuple[FoundFile, _Result], None, None]:
    """Yield each file with what `read` returned for it, in their order.

    Raises what `read` raises. No thread reads once this is closed.
    """

    def read_all(batch: list[Unread]) -> _Read[_Result]:
        began, worked = time.perf_counter(), time.thread_time()
        results = [(file, read(file, is_cover)) for file, is_cover in batch]
        seconds = time.perf_counter() - began
        return results, time.thread_time() - worked < seconds / 2

    running: deque[Future[_Read[_Result]]] = deque()
    at_once, has_waited = 1, False
    with ThreadPoolExecutor(_AT_ONCE, "msrv-read") as pool:
        for number, batch in enumerate(_batches(files)):
            turn = number % _ALONE_EVERY
            limit = at_once if turn > 1 else 1
            if batch[0][0].size_bytes > _MAX_BYTES:
                limit = _AT_ONCE
            done: list[tuple[FoundFile, _Result]] = []
            while len(running) >= limit:
                results, has_waited = running.popleft().result()
                done += results
            if turn == 1:  # the one before was read alone
                at_once = _AT_ONCE if has_waited else 1
            running.append(pool.submit(read_all, batch))
            yield from done
        while running:
            yield from running.popleft().result()[0]


def _batches(files: Iterable[Unread]) -> Iterator[list[Unread]]:
    """Yield batches of small files, and each large file by itself."""
    batch: list[Unread] = []
    size_bytes = 0
    for each in files:
        size_bytes += each[0].size_bytes
        if batch and (size_bytes > _MAX_BYTES or len(batch) == _MAX_FILES):
            yield batch
            batch, size_bytes = [], each[0].size_bytes
        batch.append(each)
    if batch:
        yield batch
