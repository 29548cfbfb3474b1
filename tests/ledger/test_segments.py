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
