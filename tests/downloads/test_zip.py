# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ZIP archives: read by other programs, deterministic, with ranges."""

import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.downloads.body import FileSlice, chunk_size
from msrv.downloads.ranges import ByteRange
from msrv.downloads.zip import ZipArchive, ZipMember
from msrv.storage.model import Content, FileIdentity
from tests.downloads.contents import NOW, joined, known, noise
from tests.optional_programs import require

DATED = date(2026, 3, 6)
GIB = 2**30
FILES = {
    "a": noise(1000, "a"),
    "b": b"",
    "c": noise(70_000, "c"),
}
MEMBERS = [
    ZipMember("Ö - 日本/01 A.flac", known(FILES["a"], "a")),
    ZipMember("Ö - 日本/leer.txt", known(FILES["b"], "b")),
    ZipMember(
        "Ö - 日本/02 \U0001f9d1\u200d\U0001f680.flac", known(FILES["c"], "c")
    ),
    ZipMember("Ö - 日本/README.txt", "Größe\r\n".encode()),
]


def whole(archive: ZipArchive) -> bytes:
    body = archive.body
    return joined(body, ByteRange(0, body.size_bytes), FILES)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The ZIP of MEMBERS, on disk."""
    path = tmp_path / "made.zip"
    path.write_bytes(whole(ZipArchive.plan(MEMBERS, DATED)))
    return path


def test_python_reads_the_archive(made: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [
            member.name for member in MEMBERS
        ]
        for info, member in zip(archive.infolist(), MEMBERS, strict=True):
            assert info.date_time == (2026, 3, 6, 0, 0, 0)
            assert info.flag_bits == 1 << 11  # UTF-8; no data descriptor
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.file_size == info.compress_size == member.size_bytes
            assert info.external_attr >> 16 == 0o100644
        assert archive.read(MEMBERS[0].name) == FILES["a"]
        assert archive.read(MEMBERS[3].name) == "Größe\r\n".encode()


@pytest.mark.parametrize(
    "command",
    [
        ["unzip", "-tqq"],
        ["7z", "t", "-bso0"],
        ["bsdtar", "-tf"],
    ],
    ids=["unzip", "7z", "bsdtar"],
)
def test_other_programs_read_the_archive(
    command: list[str], made: Path
) -> None:
    tool = command[0]
    require(
        tool,
        available=shutil.which(tool) is not None,
        reason=f"{tool} is not installed",
    )
    done = subprocess.run(
        [*command, made], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_unzip_extracts_the_same_files(made: Path, tmp_path: Path) -> None:
    require(
        "unzip",
        available=shutil.which("unzip") is not None,
        reason="unzip is not installed",
    )
    subprocess.run(
        ["unzip", "-qq", made, "-d", tmp_path / "out"],
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    found = sorted(
        path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    )
    assert found == sorted([*FILES.values(), "Größe\r\n".encode()])


def test_empty_archive_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    path.write_bytes(whole(ZipArchive.plan([], DATED)))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == []


def test_archive_is_deterministic() -> None:
    one, other = (ZipArchive.plan(list(MEMBERS), DATED) for _ in range(2))
    assert whole(one) == whole(other)
    assert one.etag == other.etag


@pytest.mark.parametrize(
    "members",
    [
        MEMBERS[:3],
        MEMBERS[::-1],
        [replace(MEMBERS[0], name="Ö - 日本/01 B.flac"), *MEMBERS[1:]],
        [replace(MEMBERS[3], source="Grösse\r\n".encode()), *MEMBERS[:3]],
        [
            # other bytes with the same CRC-32 and size, as anyone can make
            ZipMember(
                MEMBERS[0].name,
                replace(known(FILES["a"], "a"), sha256=b"\0" * 32),
            ),
            *MEMBERS[1:],
        ],
    ],
    ids=["fewer", "order", "name", "text", "same CRC-32"],
)
def test_any_change_of_members_changes_the_etag(
    members: list[ZipMember],
) -> None:
    etag = ZipArchive.plan(MEMBERS, DATED).etag
    assert ZipArchive.plan(members, DATED).etag != etag


def test_date_changes_the_etag() -> None:
    etag = ZipArchive.plan(MEMBERS, DATED).etag
    assert ZipArchive.plan(MEMBERS, date(2026, 3, 7)).etag != etag


@pytest.mark.parametrize(
    "dated", [date(1979, 12, 31), date(1, 1, 1), date(2108, 1, 1)]
)
def test_date_outside_the_range_is_the_first(dated: date) -> None:
    first = ZipArchive.plan(MEMBERS, date(1980, 1, 1))
    assert whole(ZipArchive.plan(MEMBERS, dated)) == whole(first)


@given(
    st.lists(st.integers(0, 80_000), max_size=20),
    st.randoms(),
)
def test_ranges_in_any_order_join_to_the_archive(
    cuts: list[int], random: Random
) -> None:
    archive = ZipArchive.plan(MEMBERS, DATED)
    size = archive.body.size_bytes
    bounds = sorted({0, size, *(cut % size for cut in cuts)})
    spans = [ByteRange(*span) for span in pairwise(bounds)]
    random.shuffle(spans)
    result = bytearray(size)
    for span in spans:
        result[span.start : span.stop] = joined(archive.body, span, FILES)
    assert result == whole(archive)


@pytest.mark.slow
def test_archive_of_70_000_members_is_zip64(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    members = [ZipMember(f"{n}.txt", b"%d" % n) for n in range(70_000)]
    path.write_bytes(whole(ZipArchive.plan(members, DATED)))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.read("69999.txt") == b"69999"
    # Python believes the directory; others count. 22 and 20 bytes are the
    # end record and the locator, 56 the ZIP64 record before them.
    record = path.read_bytes()[-22 - 20 - 56 :]
    assert record.startswith(b"PK\x06\x06")
    assert int.from_bytes(record[32:40], "little") == 70_000


def crc32_of_zeros(size: int) -> int:
    """Return the CRC-32 of zero bytes: the register, times x to the 8 * size.

    Polynomials are as in zlib, bit 31 for 1; hashing 6 GB would take longer.
    """

    def times(a: int, b: int) -> int:
        product = 0
        for bit in range(31, -1, -1):
            if a >> bit & 1:
                product ^= b
            b = b >> 1 ^ (0xEDB88320 if b & 1 else 0)
        return product

    power, square = 1 << 31, 1 << 23  # 1, and x to the 8
    while size:
        if size & 1:
            power = times(power, square)
        square = times(square, square)
        size >>= 1
    return times(0xFFFFFFFF, power) ^ 0xFFFFFFFF


def zeros(size: int) -> Content:
    return Content(
        path=f"{size} zeros",
        identity=FileIdentity(size, NOW * 10**9, NOW * 10**9, 1),
        sha256=size.to_bytes(32),
        crc32=crc32_of_zeros(size),
        media_type="audio/wav",
    )


def write_sparse(archive: ZipArchive, path: Path) -> None:
    """Write an archive with holes for members of zeros."""
    with path.open("wb") as file:
        for piece in archive.body.chunks:
            if isinstance(piece, FileSlice):
                file.seek(chunk_size(piece), 1)
            else:
                file.write(piece)


@pytest.mark.parametrize(
    "size", [2**32 - 2, 2**32 - 1, 2**32, 6 * GIB], ids=str
)
def test_archive_over_4_gib_is_zip64(size: int, tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    large = zeros(size)
    archive = ZipArchive.plan(
        [
            ZipMember("first.txt", b"first"),
            ZipMember("large.wav", large),
            ZipMember("last.txt", b"last"),
            ZipMember("empty.txt", b""),
        ],
        DATED,
    )
    write_sparse(archive, path)
    assert path.stat().st_size == archive.body.size_bytes
    with zipfile.ZipFile(path) as opened:
        infos = {info.filename: info for info in opened.infolist()}
        assert infos["large.wav"].file_size == size
        assert large.crc32 == infos["large.wav"].CRC
        assert opened.read("first.txt") == b"first"
        assert opened.read("last.txt") == b"last"
        with opened.open("large.wav") as member:
            assert member.read(100) == bytes(100)
    # unzip reads each member's own header, too. (Info-ZIP 6.00 takes a size
    # of 2**32 - 1, which has to be written as ZIP64, for one yet to be read.)
    if shutil.which("unzip") and size != 2**32 - 1:
        subprocess.run(
            ["unzip", "-tqq", path, "first.txt", "last.txt", "empty.txt"],
            check=True,
        )
    # ... and any stretch of it, on disk and as it would be sent
    marks = [0]
    for piece in archive.body.chunks:
        marks.append(marks[-1] + chunk_size(piece))
    spans = [
        ByteRange(max(0, mark - 40), min(archive.body.size_bytes, mark + 40))
        for mark in (*marks, size // 2)
    ]
    with path.open("rb") as file:
        for span in spans:
            file.seek(span.start)
            found = b"".join(
                bytes(piece.size_bytes)
                if isinstance(piece, FileSlice)
                else piece
                for piece in archive.body.slice(span)
            )
            assert found == file.read(span.size_bytes)


def test_small_archive_is_not_zip64() -> None:
    body = whole(ZipArchive.plan(MEMBERS, DATED))
    for mark in (b"PK\x06\x06", b"PK\x06\x07"):
        assert mark not in body
    fits = ZipArchive.plan([ZipMember("a", zeros(2**32 - 2))], DATED).body
    large = ZipArchive.plan([ZipMember("a", zeros(2**32 - 1))], DATED).body
    assert chunk_size(fits.chunks[0]) == 30 + 1
    assert chunk_size(large.chunks[0]) == 30 + 1 + 20


def test_crc32_of_zeros_agrees_with_zlib() -> None:
    for size in (0, 1, 2, 1000, 1_234_567):
        assert crc32_of_zeros(size) == known(bytes(size)).crc32
