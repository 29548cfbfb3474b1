"""A ZIP planned is a ZIP that every program opens, to the last byte."""

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
from tests.conftest import require
from tests.downloads.made import NOW, joined, known, noise

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


def test_python_reads_it(made: Path) -> None:
    """Else a buyer's ZIP is broken, or its names and dates are."""
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
def test_other_programs_read_it(command: list[str], made: Path) -> None:
    """Else the ZIP opens on the seller's computer and not on the buyer's."""
    tool = command[0]
    require(
        tool,
        there=shutil.which(tool) is not None,
        lack=f"{tool} is not installed",
    )
    done = subprocess.run(
        [*command, made], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_unzip_makes_the_same_files(made: Path, tmp_path: Path) -> None:
    """Else what is unpacked is not what was sold."""
    require(
        "unzip",
        there=shutil.which("unzip") is not None,
        lack="unzip is not installed",
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


def test_an_archive_of_nothing_is_an_archive(tmp_path: Path) -> None:
    """Else an empty release is an error of ours."""
    path = tmp_path / "empty.zip"
    path.write_bytes(whole(ZipArchive.plan([], DATED)))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == []


def test_the_same_members_make_the_same_bytes() -> None:
    """Else a resume on another replica glues two ZIPs together."""
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
def test_other_members_have_another_tag(members: list[ZipMember]) -> None:
    """Else a resume goes on in a ZIP that has been changed meanwhile."""
    etag = ZipArchive.plan(MEMBERS, DATED).etag
    assert ZipArchive.plan(members, DATED).etag != etag


def test_the_date_is_part_of_it() -> None:
    """Else two ZIPs that differ in their dates are taken for one."""
    etag = ZipArchive.plan(MEMBERS, DATED).etag
    assert ZipArchive.plan(MEMBERS, date(2026, 3, 7)).etag != etag


@pytest.mark.parametrize(
    "dated", [date(1979, 12, 31), date(1, 1, 1), date(2108, 1, 1)]
)
def test_a_date_that_no_zip_can_hold_is_the_first(dated: date) -> None:
    """Else an old recording's release has no ZIP at all."""
    first = ZipArchive.plan(MEMBERS, date(1980, 1, 1))
    assert whole(ZipArchive.plan(MEMBERS, dated)) == whole(first)


@given(
    st.lists(st.integers(0, 80_000), max_size=20),
    st.randoms(),
)
def test_any_split_in_any_order_is_the_zip_again(
    cuts: list[int], random: Random
) -> None:
    """Else a ZIP that was resumed often enough does not open."""
    archive = ZipArchive.plan(MEMBERS, DATED)
    size = archive.body.size_bytes
    bounds = sorted({0, size, *(cut % size for cut in cuts)})
    spans = [ByteRange(*span) for span in pairwise(bounds)]
    random.shuffle(spans)
    result = bytearray(size)
    for span in spans:
        result[span.start : span.stop] = joined(archive.body, span, FILES)
    assert result == whole(archive)


def test_seventy_thousand_members(tmp_path: Path) -> None:
    """Else a big sample pack's ZIP shows only some of its files (ZIP64)."""
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
    """CRC-32 of so many zero bytes: the register, times x to the 8 * size.

    Polynomials as zlib keeps them, bit 31 for 1; reading 6 GB takes longer.
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
    """Write an archive with holes where its members are zeros."""
    with path.open("wb") as file:
        for piece in archive.body.chunks:
            if isinstance(piece, FileSlice):
                file.seek(chunk_size(piece), 1)
            else:
                file.write(piece)


@pytest.mark.parametrize(
    "size", [2**32 - 2, 2**32 - 1, 2**32, 6 * GIB], ids=str
)
def test_more_than_four_gigabytes(size: int, tmp_path: Path) -> None:
    """Else a long film's ZIP ends at 4 GiB, or won't open (ZIP64)."""
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


def test_zip64_is_used_only_where_it_is_needed() -> None:
    """Else an old player's ZIP reader can't open a small album."""
    body = whole(ZipArchive.plan(MEMBERS, DATED))
    for mark in (b"PK\x06\x06", b"PK\x06\x07"):
        assert mark not in body
    fits = ZipArchive.plan([ZipMember("a", zeros(2**32 - 2))], DATED).body
    large = ZipArchive.plan([ZipMember("a", zeros(2**32 - 1))], DATED).body
    assert chunk_size(fits.chunks[0]) == 30 + 1
    assert chunk_size(large.chunks[0]) == 30 + 1 + 20


def test_the_shortcut_of_these_tests_is_right() -> None:
    """Else the tests of large files agree with themselves alone."""
    for size in (0, 1, 2, 1000, 1_234_567):
        assert crc32_of_zeros(size) == known(bytes(size)).crc32
