"""Spool: an acknowledged event is on disk."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from msrv.ledger import segments
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.events import Event
from msrv.ledger.recovery import acquire_orphans
from msrv.ledger.segments import SegmentWriter
from msrv.ledger.spool import Spool
from tests.ledger.sample_events import names, sale
from tests.store_process import ROOT


def written(root: Path) -> list[Event]:
    """Every event under a spool's root."""
    return [
        event
        for path in sorted(root.glob("*/*.log"))
        for event in segments.read_records(path, 0, most=10_000).events
    ]


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_appended_event_is_on_disk(tmp_path: Path) -> None:
    sales = [sale(number) for number in range(200)]
    async with Spool(tmp_path / "spool", segment_bytes=9000) as spool:
        await spool.append(sales[0])
        assert written(spool.root) == sales[:1]
        # Many at once share their waits for the disk, and none is left out.
        await asyncio.gather(*(spool.append(each) for each in sales[1:]))
        assert names(written(spool.root)) == names(sales)  # type: ignore[arg-type]
        assert len(spool.segments) > 1
        assert all(each.is_closed for each in spool.segments[:-1])
    assert names(written(spool.root)) == names(sales)  # type: ignore[arg-type]


async def test_cancelled_append_does_not_affect_its_group(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool") as spool:
        waits = [
            asyncio.create_task(spool.append(sale(number)))
            for number in range(10)
        ]
        await asyncio.sleep(0)
        waits[3].cancel()
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(ended[3], asyncio.CancelledError)
        assert [each for each in ended if each is not None] == [ended[3]]
        assert len(written(spool.root)) >= 9


async def test_full_disk_fails_the_reservation_and_not_the_append(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool", segment_bytes=20_000) as spool:
        await spool.reserve()
        with full_disk(19_999):
            taken = await fill(spool)
            assert taken > 20
            # Who has begun by now is not let down: room was kept for them.
            for number in range(20):
                await spool.append(sale(1000 + number))
            assert len(written(spool.root)) == taken + 20
        await spool.reserve()
        await spool.append(sale(5000))
        assert len(written(spool.root)) == taken + 21


async def fill(spool: Spool) -> int:
    """Sell until it is refused; how many were sold."""
    for number in range(1000):
        try:
            await spool.reserve()
        except SpoolFailed:
            return number
        await spool.append(sale(number))
    raise AssertionError("it was never refused")


async def test_unwritable_folder_raises_an_error_and_start_does_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("a file, and no folder")
    async with Spool(tmp_path / "data" / "spool") as spool:
        with pytest.raises(SpoolFailed, match="MSRV_DATA: can't write"):
            await spool.reserve()
        with pytest.raises(SpoolFailed):
            await spool.append(sale())


async def test_empty_spool_leaves_no_folder(
    tmp_path: Path,
) -> None:
    async with Spool(tmp_path / "spool") as spool:
        await spool.reserve()
        assert len(list(spool.root.iterdir())) == 1
    assert list(spool.root.iterdir()) == []


CHILD = """
import sys, time
from pathlib import Path
from msrv.ledger import segments
from msrv.ledger.segments import SegmentWriter
from tests.ledger.sample_events import sale
pen = SegmentWriter(Path(sys.argv[1]))
pen.write(segments.encode_record(sale(int(sys.argv[2]))))
print("written", flush=True)
time.sleep(60)
"""


def test_orphans_are_of_terminated_processes_only(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    own = SegmentWriter(root)
    own.write(segments.encode_record(sale(1)))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    with child, child.stdout:
        assert child.stdout.readline() == "written\n"
        assert list(acquire_orphans(root, own.folder)) == []
        # Not even with the one's own folder unknown: it is locked.
        assert list(acquire_orphans(root, None)) == []
        child.send_signal(signal.SIGKILL)
    (left,) = acquire_orphans(root, own.folder)
    assert list(acquire_orphans(root, own.folder)) == []
    (path,) = left.segment_paths
    assert segments.read_records(path, 0).events == (sale(2),)
    left.release(delete=False)
    (again,) = acquire_orphans(root, own.folder)
    again.release(delete=True)
    assert not again.folder.exists()
    own.close()


def test_failed_write_leaves_no_partial_record(tmp_path: Path) -> None:
    pen = SegmentWriter(tmp_path / "spool")
    pen.write(segments.encode_record(sale(1)))
    file = pen._file
    assert file is not None
    keep = os.dup(file)
    readable = os.open(os.devnull, os.O_RDONLY)
    os.dup2(readable, file)  # writing to it fails from here on
    with pytest.raises(SpoolFailed):
        pen.write(segments.encode_record(sale(2)))
    pen.write(segments.encode_record(sale(3)))
    assert written(tmp_path / "spool") == [sale(1), sale(3)]
    os.close(keep)
    os.close(readable)
    pen.close()
