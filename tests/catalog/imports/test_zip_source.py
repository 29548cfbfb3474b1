# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ZIPs as sources: what is read, and what is refused before it is unpacked."""

import io
import stat
import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msrv.catalog.imports import source_files
from msrv.catalog.imports.source_files import ImportRefused, Source
from msrv.catalog.imports.sources import open_source


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    """Write a ZIP of these members, and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def read(path: Path) -> Source:
    with ExitStack() as stack:
        return open_source(path, stack)


def names(path: Path) -> list[str]:
    return [each.name for each in read(path).files]


def refused(path: Path) -> str:
    with pytest.raises(ImportRefused) as raised:
        read(path)
    return str(raised.value)


def member(name: str, mode: int = 0, **values: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    for key, value in values.items():
        setattr(info, key, value)
    return info


def test_files_and_contents(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "Ann - Bus.zip", ("01 a.flac", b"abc"), ("cover.jpg", b"x")
    )
    with ExitStack() as stack:
        source = open_source(path, stack)
        assert (source.title, source.size_bytes) == ("Ann - Bus", 4)
        first, second = source.files
        assert (first.name, second.name) == ("01 a.flac", "cover.jpg")
        with first.open() as file:
            assert file.read() == b"abc"


def test_outer_folders_are_removed(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        ("Ann/", b""),
        ("Ann/Bus/CD1/01.flac", b"1"),
        ("Ann/Bus/cover.jpg", b"2"),
        ("__MACOSX/Ann/._01.flac", b"3"),
        ("Ann/Bus/.DS_Store", b"4"),
    )
    assert names(path) == ["CD1/01.flac", "cover.jpg"]


@pytest.mark.parametrize(
    "outer", ["...Like Clockwork", ".hidden", "Album.tmp", "Ann/...And On"]
)
def test_name_of_an_outer_folder_hides_nothing(
    tmp_path: Path, outer: str
) -> None:
    path = zipped(
        tmp_path / "a.zip",
        ("__MACOSX/._x", b""),
        (f"{outer}/01.flac", b"1"),
        ("Ann/.DS_Store" if "/" in outer else ".DS_Store", b"2"),
        (f"{outer}/cover.jpg", b"3"),
    )
    source = read(path)
    assert [each.name for each in source.files] == ["01.flac", "cover.jpg"]
    assert not source.notes


def test_track_that_begins_with_dots_is_shown(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        ("...And So On.mp3", b"1"),
        ("._...And So On.mp3", b"2"),
        (".hidden.txt", b"3"),
        ("~$open.mp3", b"4"),
        (".more/01.flac", b"5"),
        ("__MACOSX/02.flac", b"6"),
    )
    source = read(path)
    assert [each.name for each in source.files] == ["And So On.mp3"]
    assert source.notes == (
        "~$open.mp3 was left out",
        ".more/01.flac was left out",
    )


@pytest.mark.parametrize(
    "name",
    [
        "../evil.flac",
        "a/../../evil.flac",
        "/etc/passwd",
        "//host/share",
        "..\\evil.flac",
        "C:\\evil.flac",
        "C:/evil.flac",
        "a//b.flac",
        "./a.flac",
        " ../evil.flac",
    ],
)
def test_names_that_lead_outside_are_refused(
    tmp_path: Path, name: str
) -> None:
    path = zipped(tmp_path / "a.zip", ("ok.flac", b"1"), (name, b"2"))
    assert "would be written outside of" in refused(path)


def test_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("okXevil.flac", b"1"))
    path.write_bytes(path.read_bytes().replace(b"okX", b"ok\0"))
    assert "would be written outside of" in refused(path)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK]
)
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = zipped(
        tmp_path / "a.zip", (member("a.flac", kind | 0o777), b"/etc/passwd")
    )
    assert "'a.flac' is not a regular file" in refused(path)


def test_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.flac", b"1"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)
    assert "'a.flac' is encrypted" in refused(path)


def test_method_that_needs_much_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.flac", b"1")
    assert "compressed by an unusual method" in refused(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.flac", "A.FLAC"),
        ("a.flac", "a.flac."),
        ("a.flac", "a .flac"),
        ("a-.flac", "a:.flac"),
        ("e\u0301.flac", "\u00e9.flac"),
    ],
)
def test_two_files_of_one_name_are_refused(
    tmp_path: Path, first: str, second: str
) -> None:
    path = zipped(tmp_path / "a.zip", (first, b"1"), (second, b"2"))
    assert "has two files" in refused(path)


def test_same_name_twice_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.flac", b"1"), ("b.flac", b"2"))
    path.write_bytes(path.read_bytes().replace(b"b.flac", b"a.flac"))
    assert "has two files 'a.flac'" in refused(path)


def test_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"1"), ("A/b.flac", b"2"))
    assert "is a file, and the folder of" in refused(path)


def test_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.wav", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    assert "times as large when unpacked" in refused(path)


def test_file_that_is_longer_than_stated_is_damaged(tmp_path: Path) -> None:
    """The list of files is all that was judged."""
    path = zipped(tmp_path / "a.zip", ("a.wav", b"x" * 1000))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    struct.pack_into("<I", data, at + 24, 10)
    path.write_bytes(data)
    with ExitStack() as stack:
        (file,) = open_source(path, stack).files
        assert file.size_bytes == 10
        with file.open() as opened, pytest.raises(OSError, match="damaged"):
            list(iter(lambda: opened.read(4), b""))


def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msrv.catalog.imports.zip_source.MAX_FILES", 2)
    path = zipped(tmp_path / "a.zip", *((f"{n}.flac", b"1") for n in range(3)))
    assert "has over 2 files" in refused(path)


def test_name_in_utf_8_that_does_not_say_so(tmp_path: Path) -> None:
    name = "Zoë 夜.flac"
    raw = name.encode("utf-8").decode("cp437")
    path = zipped(tmp_path / "a.zip", (raw, b"1"))
    data = path.read_bytes().replace(raw.encode("utf-8"), b"N" * 99)
    info = zipfile.ZipInfo("N" * len(name.encode("utf-8")))
    path = zipped(tmp_path / "b.zip", (info, b"1"))
    data = path.read_bytes()
    path.write_bytes(
        data.replace(info.filename.encode(), name.encode("utf-8"))
    )
    assert names(path) == [name]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"PK\3\4nonsense", "is not a valid ZIP"),
        (b"no zip", "is not a ZIP"),
        (b"", "is not a ZIP"),
    ],
)
def test_what_is_no_zip_is_refused(
    tmp_path: Path, data: bytes, error: str
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    assert error in refused(path)


def test_configuration_in_a_zip_is_left_out(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        ("a.flac", b"1"),
        ("Release.toml", b"price = '0'"),
        ("release.toml ", b"price = '0'"),
        ("x/store.toml", b"currency = 'JPY'"),
    )
    source = read(path)
    assert [each.name for each in source.files] == ["a.flac"]
    assert len(source.notes) == 3


def test_empty_zip_is_refused(tmp_path: Path) -> None:
    assert "has no files" in refused(zipped(tmp_path / "a.zip"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_names_stay_inside(tmp_path: Path, wanted: list[str]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in set(wanted):
            try:
                archive.writestr(zipfile.ZipInfo(name), b"x")
            except (UnicodeEncodeError, ValueError):
                return
    path = tmp_path / "a.zip"
    path.write_bytes(out.getvalue())
    try:
        found = names(path)
    except ImportRefused:
        return
    for name in found:
        assert not name.startswith(("/", "."))
        assert ".." not in name.split("/")
        assert (tmp_path / name).resolve().is_relative_to(tmp_path)
        assert not source_files.is_reserved(name)
