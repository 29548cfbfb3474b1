# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Scan schedule: scans when something changed, and few otherwise."""

import asyncio
import os
from pathlib import Path

import pytest

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.watching.scan_schedule import ScanSchedule
from tests.catalog.temporary_library import Library
from tests.polling import wait_until


class Timer:
    """Time that only the test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scanned(
    schedule: ScanSchedule,
    timer: Timer,
    folder: Path,
    *,
    seconds: float,
    is_urgent: bool = False,
    is_settled: bool = True,
) -> None:
    watch = schedule.start()
    if watch is not None:
        watch.add(str(folder), folder.stat().st_dev)
    timer.now += seconds
    schedule.scanned()
    schedule.finish(is_urgent=is_urgent, is_settled=is_settled)


def test_polled_library_is_scanned_for_a_twentieth_of_the_time(
    tmp_path: Path,
) -> None:
    timer = Timer()
    schedule = ScanSchedule(watches=False, timer=timer)
    scanned(schedule, timer, tmp_path, seconds=0.01)
    assert schedule.pause_seconds == 1
    scanned(schedule, timer, tmp_path, seconds=2)
    assert not schedule.is_watching
    assert schedule.pause_seconds == pytest.approx(40)
    scanned(schedule, timer, tmp_path, seconds=2, is_urgent=True)
    assert schedule.pause_seconds == 2


def test_changes_of_a_watched_library_are_read_at_once_within_a_budget(
    tmp_path: Path,
) -> None:
    timer = Timer()
    schedule = ScanSchedule(timer=timer)
    for _ in range(5):
        scanned(schedule, timer, tmp_path, seconds=2)
        assert schedule.is_watching
        assert schedule.pause_seconds == 1
    scanned(schedule, timer, tmp_path, seconds=2)
    assert 20 < schedule.pause_seconds < 40
    timer.now += 1000
    scanned(schedule, timer, tmp_path, seconds=2)
    assert schedule.pause_seconds == 1
    schedule.close()


def test_watch_stays_until_all_folders_are_listed_again(
    tmp_path: Path,
) -> None:
    timer = Timer()
    schedule = ScanSchedule(timer=timer, rescan_seconds=60)
    scanned(schedule, timer, tmp_path, seconds=1, is_settled=False)
    first = schedule.start()
    schedule.scanned()
    schedule.finish(is_urgent=False, is_settled=True)
    timer.now += 300
    assert schedule.start() is first
    assert first is not None
    # Listing them took a second, so that it is done every 400.
    timer.now += 100
    second = schedule.start()
    assert second is not first
    assert not first.is_complete
    schedule.close()


def test_library_that_is_not_settled_is_not_waited_for(tmp_path: Path) -> None:
    timer = Timer()
    schedule = ScanSchedule(timer=timer)
    scanned(schedule, timer, tmp_path, seconds=2, is_settled=False)
    assert not schedule.is_watching
    assert schedule.pause_seconds == pytest.approx(40)


async def test_wait_ends_with_a_change_and_with_what_is_due(
    tmp_path: Path,
) -> None:
    schedule = ScanSchedule(poll_seconds=0.01)
    answers = iter((False, False, True))

    async def is_due() -> bool:
        return next(answers)

    async def is_never_due() -> bool:
        return False

    scanned(schedule, Timer(), tmp_path, seconds=0)
    async with asyncio.timeout(20):
        await schedule.wait(is_due)
        waiting = asyncio.create_task(schedule.wait(is_never_due))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        (tmp_path / "new").touch()
        await waiting
    schedule.close()


async def test_wait_ends_without_a_change_in_the_end(tmp_path: Path) -> None:
    schedule = ScanSchedule(poll_seconds=0.01, rescan_seconds=0.05)

    async def is_due() -> bool:
        return False

    scanned(schedule, Timer(), tmp_path, seconds=0)
    async with asyncio.timeout(20):
        await schedule.wait(is_due)
    schedule.close()


async def test_library_without_changes_is_not_scanned(
    library: Library,
) -> None:
    """A sale leads to no scan; a change, and another disk, do."""
    library.put("store.toml", 'name = "S"\ncurrency = "EUR"')
    library.release("R")
    catalog = LiveCatalog(
        library.root,
        library.data,
        settle_seconds=0,
        schedule=ScanSchedule(poll_seconds=0.01),
    )
    async with catalog, asyncio.timeout(20):
        await catalog.ready()
        # The ids of the first reading are in the history from the second on.
        await asyncio.sleep(0.3)
        scans = catalog.scans
        old = catalog.current
        item = old.releases[0].items[0]
        catalog.mark_sold({item.item_id: "R"})
        await asyncio.sleep(0.3)
        assert catalog.scans <= scans + 2
        library.release("S")
        await wait_until(lambda: len(catalog.current.releases) == 2)
        # Another disk is mounted where the library was.
        away = library.root.with_name("away")
        new = library.root.with_name("new")
        new.mkdir()
        os.link(library.root / "store.toml", new / "store.toml")
        (new / "T").mkdir()
        (new / "T" / "1.txt").write_text("T")
        library.root.rename(away)
        new.rename(library.root)
        await wait_until(
            lambda: [each.folder for each in catalog.current.releases] == ["T"]
        )
