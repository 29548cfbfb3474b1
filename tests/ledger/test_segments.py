# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Segments: the record format, and the writer."""

import errno
import os
from pathlib import Path

import pytest

from msrv.ledger import segments
from msrv.ledger.errors import SpoolFailed, SpoolVersionMismatch
from msrv.ledger.segments import SegmentWriter
from tests.ledger.sample_events import sale

SALES = tuple(sale(number) for number in range(3))
ENCODED = [segments.encode_record(each) for each in SALES]


def segment(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "00000001.log"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("after", [b"", b"\0" * 900], ids=["cut", "zeros"])
def test_torn_last_record_is_skipped(tmp_path: Path, after: bytes) -> None:
    whole = segments.HEADER + b"".join(ENCODED)
    ends = [
        len(segments.HEADER) + sum(map(len, ENCODED[:count]))
        for count in range(4)
    ]
    for cut in range(len(whole) + 1):
        path = segment(tmp_path, whole[:cut] + after)
        found = segments.read_records(path, 0)
        count = sum(cut >= end for end in ends[1:])
        assert found.events == SALES[:count], cut
        assert not found.damaged, cut
        assert found.is_last, cut
        # Records that are appended later are found from there.
        assert found.next_byte <= max(cut, len(segments.HEADER))


def test_records_around_a_damaged_one_are_read(tmp_path: Path) -> None:
    texts = [segments.encode_record(each) for each in SALES]
    for at in range(len(texts[1]) - 1):
        bad = bytearray(texts[1])
        bad[at] ^= 1
        if b"\n" in bad[:-1]:
            continue
        data = segments.HEADER + texts[0] + bytes(bad) + texts[2]
        found = segments.read_records(segment(tmp_path, data), 0)
        if found.damaged:
            assert found.events == (SALES[0], SALES[2])
            assert found.damaged == (bytes(bad),)
        else:
            assert bad[0] == 0


def test_reading_continues_at_the_next_byte(tmp_path: Path) -> None:
    path = segment(tmp_path, segments.HEADER + b"".join(ENCODED))
    first = segments.read_records(path, 0, most=2)
    assert (first.events, first.is_last) == (SALES[:2], False)
    rest = segments.read_records(path, first.next_byte)
    assert (rest.events, rest.is_last) == (SALES[2:], True)
    # Not beyond `stop`.
    part = segments.read_records(path, 0, first.next_byte)
    assert (part.events, part.is_last) == (SALES[:2], True)


@pytest.mark.parametrize(
    "found", [b"msrv-spool 2\n", b"SQLite format 3", b"a" * 40, b"\xff\xfe12"]
)
def test_segment_of_another_version_is_refused(
    tmp_path: Path, found: bytes
) -> None:
    path = segment(tmp_path, found)
    with pytest.raises(
        SpoolVersionMismatch, match="run the version that wrote it once"
    ):
        segments.read_records(path, 0)


def test_failed_write_leaves_no_partial_record(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "spool")
    writer.write(segments.encode_record(sale(1)))
    file = writer._file
    assert file is not None
    keep = os.dup(file)
    readable = os.open(os.devnull, os.O_RDONLY)
    os.dup2(readable, file)  # writing fails from now on
    with pytest.raises(SpoolFailed):
        writer.write(segments.encode_record(sale(2)))
    writer.write(segments.encode_record(sale(3)))
    first, second = writer.segments
    assert segments.read_records(first.path, 0).events == (sale(1),)
    assert segments.read_records(second.path, 0).events == (sale(3),)
    os.close(keep)
    os.close(readable)
    writer.close()


def test_failed_creation_of_the_folder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "spool"
    writer = SegmentWriter(root)

    def refuse(_: Path) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    open_before = len(list(Path("/dev/fd").iterdir()))
    with monkeypatch.context() as broken:
        broken.setattr(segments, "sync_folder", refuse)
        for _ in range(5):
            with pytest.raises(SpoolFailed):
                writer.reserve()
    assert list(root.iterdir()) == []
    assert len(list(Path("/dev/fd").iterdir())) == open_before
    writer.write(ENCODED[0])
    assert writer.folder is not None
    assert list(root.iterdir()) == [writer.folder]
    writer.close()


def refuse_space(path: Path, size: int) -> int:
    raise OSError(errno.ENOSPC, f"No space left on device for {size}", path)


def full_segment(tmp_path: Path) -> SegmentWriter:
    """Return a writer whose segment is full of sales, on a full disk."""
    writer = SegmentWriter(tmp_path / "spool", 2000)
    writer.write(ENCODED[0])
    while writer.free_bytes >= len(ENCODED[0]):
        writer.write(ENCODED[0])
    return writer


def test_on_a_full_disk_a_segment_is_emptied_only_once_it_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = full_segment(tmp_path)
    monkeypatch.setattr(segments, "_allocate", refuse_space)
    (full,) = writer.segments
    before = full.path.read_bytes()
    full.synced_bytes = full.written_bytes - 1
    with pytest.raises(SpoolFailed, match="No space left"):
        writer.reserve()
    with pytest.raises(SpoolFailed, match="No space left"):
        writer.write(ENCODED[1])
    assert writer.segments == [full]
    assert full.path.read_bytes() == before
    full.synced_bytes = full.written_bytes
    writer.write(ENCODED[1])
    # Its space was never free for others, and the old object is unchanged.
    (emptied,) = writer.segments
    assert emptied is not full
    assert full.synced_bytes == full.written_bytes > emptied.written_bytes
    assert emptied.path.stat().st_size == len(before)
    # After a power cut, what is behind the new record is not read.
    found = segments.read_records(emptied.path, 0)
    assert (found.events, found.damaged) == (SALES[1:2], ())
    # A record that doesn't fit into an empty one changes nothing.
    emptied.synced_bytes = emptied.written_bytes
    with pytest.raises(SpoolFailed, match="No space left"):
        writer.write(b"x" * 2000)
    assert segments.read_records(emptied.path, 0).events == SALES[1:2]
    writer.close()


def test_segment_that_was_emptied_in_part_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = full_segment(tmp_path)
    (full,) = writer.segments
    full.synced_bytes = full.written_bytes

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(segments, "_allocate", refuse_space)
        broken.setattr(os, "fdatasync", fail)
        with pytest.raises(SpoolFailed):
            writer.write(ENCODED[1])
    assert full.is_closed
    writer.write(ENCODED[2])
    assert segments.read_records(writer.segments[-1].path, 0).events == (
        SALES[2],
    )
    writer.close()
