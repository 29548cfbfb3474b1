# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Detection of uploads: folders wait until they are unchanged."""

from collections.abc import Mapping

import pytest

from msrv.catalog.library.found_files import FoundFile, FoundFolder, Scan
from msrv.catalog.library.upload_detection import (
    UnsettledFolder,
    UploadDetector,
)

NOW = 1_800_000_000
QUIET = 10


def file(
    path: str,
    size: int = 5,
    mtime: float = 0,
    ctime: float = 0,
    inode: int = 1,
) -> FoundFile:
    """A file with dates in seconds from NOW."""
    return FoundFile(
        path,
        size,
        round((NOW + mtime) * 10**9),
        round((NOW + ctime) * 10**9),
        inode,
    )


OLD = file("A/1.wav", mtime=-900, ctime=-900)


class ScanSeries:
    """Scans of a library whose files and time a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.settling = UploadDetector(
            QUIET, clock=lambda: NOW + self.now, timer=lambda: self.now
        )

    def at(
        self, now: float, *files: FoundFile, store: FoundFile | None = None
    ) -> Mapping[str, UnsettledFolder]:
        self.now = now
        folders: dict[str, list[FoundFile]] = {}
        for each in files:
            folders.setdefault(each.path.partition("/")[0], []).append(each)
        return self.settling.update(
            Scan(
                store,
                [FoundFolder(path, tuple(f)) for path, f in folders.items()],
            )
        )


@pytest.fixture
def looks() -> ScanSeries:
    return ScanSeries()


def test_stalled_upload_keeps_waiting(looks: ScanSeries) -> None:
    assert not looks.at(0, OLD)
    for now, size in ((1, 10), (6, 20), (16, 30)):
        new = file("B/1.wav", size, now, now)
        assert looks.at(now, OLD, new) == {"B": UnsettledFolder("B/1.wav")}
        assert looks.at(now + 4, OLD, new) == {"B": UnsettledFolder("B/1.wav")}
    assert looks.at(25, OLD, new)
    assert not looks.at(26, OLD, new)
    assert not looks.at(500, OLD, new)


def test_quiet_time_is_measured_by_this_machine(looks: ScanSeries) -> None:
    """Files dated by a server whose clock is wrong wait as long."""
    looks.at(0, OLD)
    late = file("B/1.wav", 10, -3600, -3600)
    assert looks.at(1, OLD, late)
    assert looks.at(9, OLD, late)
    assert not looks.at(11, OLD, late)


def test_folder_waits_for_all_its_files(looks: ScanSeries) -> None:
    looks.at(0, OLD)
    files = [OLD]
    for number in range(8):
        files.append(file(f"B/{number}.wav", ctime=6 * number))
        assert "B" in looks.at(6 * number + 1, *files)
    assert "B" in looks.at(52, *files)
    assert not looks.at(53, *files)


def test_old_files_are_accepted_at_the_first_scan(looks: ScanSeries) -> None:
    assert not looks.at(0, OLD, file("B/1.wav", mtime=-11, ctime=-10))


@pytest.mark.parametrize(
    ("mtime", "ctime"),
    [
        (-3, -3),
        (-90_000, -3),  # a copy that keeps its date
        (-3, 2**70),  # a clock that is far ahead
        (-3, -(2**70)),  # a file system that has no such date
        (-90_000, 60),
    ],
)
def test_recent_files_wait_at_the_first_scan(
    looks: ScanSeries, mtime: float, ctime: float
) -> None:
    fresh = file("B/1.wav", 5, mtime, ctime)
    assert looks.at(0, OLD, fresh) == {"B": UnsettledFolder("B/1.wav")}
    assert not looks.at(10, OLD, fresh)


@pytest.mark.parametrize("mtime", [-(2**40), -NOW, 0.5 - NOW, 1e9, 2**50])
def test_implausible_date_is_not_a_recent_change(
    looks: ScanSeries, mtime: float
) -> None:
    assert not looks.at(0, file("B/1.wav", 5, mtime, -60))


def test_status_change_alone_is_not_an_upload(looks: ScanSeries) -> None:
    looks.at(0, OLD)
    assert not looks.at(1, OLD._replace(ctime_ns=NOW * 10**9, inode=7))


def test_indexed_files_are_accepted_at_the_first_scan(
    looks: ScanSeries,
) -> None:
    """A container that owns its library anew at each start opens at once."""
    looks.now = 0
    owned = OLD._replace(ctime_ns=NOW * 10**9)
    found = Scan(None, [FoundFolder("A", (owned,))])
    assert not looks.settling.update(found, lambda _: True)


def test_renamed_folder_does_not_wait(looks: ScanSeries) -> None:
    looks.at(0, OLD, file("B/1.wav", 9, -900, -900, 2))
    moved = file("C/1.wav", 9, -900, -900, 2)
    assert not looks.at(1, OLD, moved)
    other = file("D/1.wav", 10, -900, -900, 2)
    assert looks.at(2, OLD, other) == {"D": UnsettledFolder("D/1.wav")}


def test_deleted_file_makes_its_folder_wait(looks: ScanSeries) -> None:
    """An upload that deletes first doesn't leave a smaller, cheaper album."""
    other = file("A/2.wav", mtime=-900, ctime=-900)
    looks.at(0, OLD, other)
    assert looks.at(1, OLD) == {"A": UnsettledFolder("A")}
    assert not looks.at(11, OLD)


def test_folder_that_keeps_changing_is_reported(looks: ScanSeries) -> None:
    looks.at(0, OLD)
    for now in range(1, 62, 3):
        log = file("B/x.log", now, now, now)
        found = looks.at(now, OLD, file("B/1.wav", ctime=1), log)["B"]
        assert found.keeps_changing == (now >= 61)
    assert found.file == "B/x.log"


def test_store_toml_waits_until_it_has_settled(looks: ScanSeries) -> None:
    store = file("store.toml", 5, -900, -900)
    assert not looks.at(0, OLD, store=store)
    half = file("store.toml", 2, 1, 1)
    assert looks.at(1, OLD, store=half) == {"": UnsettledFolder("store.toml")}
    assert not looks.at(11, OLD, store=half)


def test_without_a_quiet_time_two_scans_have_to_agree() -> None:
    settling = UploadDetector(0, clock=lambda: NOW, timer=lambda: 0.0)
    one = Scan(None, [FoundFolder("A", (file("A/1.wav"),))])
    two = Scan(None, [FoundFolder("A", (file("A/1.wav", 6),))])
    assert not settling.update(one)
    assert settling.update(two)
    assert not settling.update(two)
