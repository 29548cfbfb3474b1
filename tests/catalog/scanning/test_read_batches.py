# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files that threads read in batches: their order, and how many at once."""

import threading
import time

import pytest

from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.scanning.read_batches import read_in_batches

LARGE_BYTES = 2 << 20


class Reading:
    """Stand-in for reading a file, which records how many it reads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __call__(self, file: FoundFile, is_cover: bool) -> str:  # noqa: FBT001 - as it is called
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.0003)
        with self._lock:
            self._now -= 1
        return f"{file.path} {is_cover}"


def files(count: int, size_bytes: int) -> list[tuple[FoundFile, bool]]:
    return [
        (FoundFile(f"{number}.bin", size_bytes, 1, 1, number), number % 7 == 0)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "size_bytes", "waits", "at_once"),
    [
        (64 * 70, 100, False, 1),
        (64 * 6, 100, True, 2),
        (12, LARGE_BYTES, False, 2),
    ],
    ids=["small files in memory", "small files elsewhere", "large files"],
)
def test_files_are_read_in_order_and_at_once_where_that_helps(
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    size_bytes: int,
    *,
    waits: bool,
    at_once: int,
) -> None:
    """A thread that waits has used no processor time."""
    used = (lambda: 0.0) if waits else time.perf_counter
    monkeypatch.setattr(time, "thread_time", used)
    reading = Reading()
    wanted = files(count, size_bytes)
    assert list(read_in_batches(wanted, reading)) == [
        (file, f"{file.path} {is_cover}") for file, is_cover in wanted
    ]
    assert reading.most == at_once


def test_an_error_ends_the_reading() -> None:
    done = []

    def read(file: FoundFile, is_cover: bool) -> str:  # noqa: FBT001 - as it is called
        if file.path == "200.bin":
            raise ValueError(file.path)
        done.append((file, is_cover))
        return ""

    with pytest.raises(ValueError, match=r"200\.bin"):
        list(read_in_batches(files(64 * 40, 100), read))
    assert len(done) < 64 * 10
