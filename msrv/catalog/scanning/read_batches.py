# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Batches of files that threads read, and what they read, in order.

Handing one file to a thread costs more than reading a small one. Apart from
`library.indexing`, which reads a file.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from msrv.catalog.library.found_files import FoundFile

_AT_ONCE: Final = 2
"""Number of batches read in parallel: more are no faster on one disk."""
_AHEAD: Final = 4
"""Number of batches read before the results of the first are used."""
_MAX_FILES: Final = 64
_MAX_BYTES: Final = 1 << 20

Unread = tuple[FoundFile, bool]
"""A file to read, and whether it is its folder's cover."""
_Result = TypeVar("_Result")


def read_in_batches(
    files: Iterable[Unread], read: Callable[[FoundFile, bool], _Result]
) -> Generator[tuple[FoundFile, _Result], None, None]:
    """Yield each file with what `read` returned for it, in their order.

    Raises what `read` raises. No thread reads once this is closed.
    """

    def read_all(batch: list[Unread]) -> list[tuple[FoundFile, _Result]]:
        return [(file, read(file, is_cover)) for file, is_cover in batch]

    running: deque[Future[list[tuple[FoundFile, _Result]]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE, "msrv-read") as pool:
        for batch in _batches(files):
            running.append(pool.submit(read_all, batch))
            if len(running) > _AHEAD:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()


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
