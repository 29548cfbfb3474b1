# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Archives: what is written, and hostile ones that are not read."""

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.backup.archive import (
    MANIFEST_NAME,
    ArchiveWriter,
    Member,
    read_members,
)
from msrv.backup.errors import BackupError, DamagedBackup

NOON = 1_800_000_000


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name, data in members.items():
        writer.add(name.replace("__", "/"), data, NOON)
    writer.add(MANIFEST_NAME, b"{}", NOON)
    writer.close()
    return file.getvalue()


def contents(data: bytes) -> dict[str, bytes]:
    return {each.name: each.read() for each in read_members(io.BytesIO(data))}


def tar(info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    """Return an archive with one member as Python's own module writes it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as out:
        info.size = info.size or len(data)
        out.addfile(info, io.BytesIO(data))
    return file.getvalue()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9.]{0,20}", fullmatch=True),
        st.binary(max_size=2000),
        max_size=5,
    )
)
def test_members_are_read_as_they_were_written(
    members: dict[str, bytes],
) -> None:
    members.pop(MANIFEST_NAME, None)
    found = contents(archive(**members))
    assert found.pop(MANIFEST_NAME) == b"{}"
    assert found == members


def test_same_members_are_the_same_bytes() -> None:
    assert archive(a=b"1", b__c=b"2") == archive(a=b"1", b__c=b"2")


def test_tar_extracts_it(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(archive(data__a=b"1", empty=b""))
    subprocess.run(
        ["tar", "xzf", "a.tar.gz"], cwd=tmp_path, check=True, timeout=60
    )
    assert (tmp_path / "data" / "a").read_bytes() == b"1"
    assert (tmp_path / "data" / "a").stat().st_mtime == NOON


def test_member_that_is_not_read_is_verified_all_the_same() -> None:
    for member in read_members(io.BytesIO(archive(a=b"x" * 3000))):
        assert isinstance(member, Member)


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_file_that_is_cut_short_is_not_read(cut: int) -> None:
    whole = archive(a=bytes(range(256)) * 3, b=b"2")
    data = whole[: len(whole) * cut // 400]
    with pytest.raises(DamagedBackup):
        contents(data)


@given(st.integers(0, 1000), st.integers(1, 255))
def test_changed_byte_is_noticed_or_changes_nothing(
    at: int, change: int
) -> None:
    """Some bits of gzip state nothing: those of its header, and padding."""
    whole = archive(a=b"some text of an archive", b=b"more")
    data = bytearray(whole)
    data[10 + at % (len(data) - 10)] ^= change
    try:
        found = contents(bytes(data))
    except DamagedBackup:
        return
    assert found == contents(whole)


def test_data_after_the_manifest_is_refused() -> None:
    whole = gzip.decompress(archive(a=b"1"))
    with pytest.raises(DamagedBackup, match="after its manifest"):
        contents(gzip.compress(whole + b"x"))


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../b",
        ".hidden",
        "a//b",
        "a/.b",
        "x\x00y",
        "a" * 101,
        "ü",
        "a b",
        "",
    ],
)
def test_hostile_name_is_refused(name: str) -> None:
    info = tarfile.TarInfo(name)
    with pytest.raises(DamagedBackup):
        contents(tar(info, b"data"))
    with pytest.raises(ValueError, match="can't be a member"):
        ArchiveWriter(io.BytesIO()).add(name, b"", NOON)


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.CHRTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
        tarfile.XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
    ],
)
def test_anything_but_a_regular_file_is_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("a")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(DamagedBackup):
        contents(tar(info))


def test_text_that_claims_to_be_huge_is_not_read_into_memory() -> None:
    info = tarfile.TarInfo("a")
    info.size = 2**32
    data = gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(512))
    with pytest.raises(DamagedBackup, match="too long"):
        contents(data)


def test_other_file_is_refused() -> None:
    for data in (b"", b"text", gzip.compress(b""), gzip.compress(b"x" * 600)):
        with pytest.raises(DamagedBackup):
            contents(data)


def test_file_that_becomes_shorter_is_an_error() -> None:
    writer = ArchiveWriter(io.BytesIO())
    with pytest.raises(BackupError, match="shorter"):
        writer.add_file("a", io.BytesIO(b"12"), 3, NOON)
