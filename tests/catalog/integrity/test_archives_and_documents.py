# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Completeness of archives and documents."""

import os
import struct
from pathlib import Path

import pytest

from msrv.catalog.integrity.inspection import inspect_container
from tests.catalog import sample_files
from tests.catalog.integrity.container_checks import (
    cuts,
    inspect_bytes,
    missing,
)
from tests.catalog.temporary_library import wav


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", sample_files.archive()),
        ("comment.zip", sample_files.archive(comment=b"words " * 900)),
        ("book.epub", sample_files.book()),
        (
            "nested.zip",
            sample_files.archive(members={"b.zip": sample_files.archive()}),
        ),
        ("paper.pdf", sample_files.pdf()),
        ("web.pdf", sample_files.linearized()),
        ("a.7z", sample_files.seven_zip()),
    ],
)
def test_truncated_document_or_archive_is_incomplete(
    name: str, data: bytes
) -> None:
    """Whole documents and archives are complete, and cut ones are not."""
    assert missing(data, name) == ""
    # Nobody needs the line end behind %%EOF.
    last = 1 if name.endswith(".pdf") else 0
    accepted = [
        at for at in cuts(len(data) - last) if not missing(data[:at], name)
    ]
    assert accepted == []


def test_directory_of_a_nested_archive_is_not_the_end() -> None:
    """A ZIP cut after a ZIP inside it is incomplete."""
    inner = sample_files.archive()
    data = sample_files.stored({"first.zip": inner, "second.zip": inner})
    assert missing(data, "a.zip") == ""
    end_of_first = data.index(b"PK\5\6") + 22
    assert missing(data[:end_of_first], "a.zip")


def test_zip_with_any_number_of_members_is_complete() -> None:
    data = sample_files.archive_64()
    assert b"PK\6\6" in data
    assert missing(data, "a.zip") == ""
    assert missing(data[:-30], "a.zip")


def test_zip_over_4_gib_without_zip64_is_complete(tmp_path: Path) -> None:
    """The Finder of macOS writes sizes and offsets modulo 4 GiB."""
    path = tmp_path / "loops.zip"
    name, size = b"big.wav", (1 << 32) + 5_000_000
    sizes = struct.pack("<II", size % (1 << 32), size % (1 << 32))
    with path.open("wb") as file:
        file.write(b"PK\3\4" + bytes(14) + sizes)
        file.write(len(name).to_bytes(2, "little") + bytes(2) + name)
        start = file.seek(size, os.SEEK_CUR)
        entry = b"PK\1\2" + bytes(16) + sizes
        entry += len(name).to_bytes(2, "little") + bytes(16) + name
        file.write(entry)
        file.write(b"PK\5\6" + struct.pack("<HHHH", 0, 0, 1, 1))
        file.write(struct.pack("<IIH", len(entry), start % (1 << 32), 0))
    with path.open("rb+") as file:
        found = inspect_container(file, ".zip")
        assert found
        assert found.missing == ""
        # With an offset that is wrong by anything else, it is another's.
        file.seek(-6, os.SEEK_END)
        file.write((start % (1 << 32) - 1).to_bytes(4, "little"))
        found = inspect_container(file, ".zip")
        assert found
        assert found.missing


def test_self_extracting_zip_is_complete() -> None:
    assert missing(b"MZ" + bytes(5000) + sample_files.archive(), "a.zip") == ""


def test_pdf_after_junk_is_checked() -> None:
    """A PDF saved with a mail's header before it is checked like any other."""
    data = b"\r\n" * 20 + sample_files.pdf()
    assert missing(data, "a.pdf") == ""
    assert missing(data[:3000], "a.pdf")


def test_pdf_with_a_page_after_its_end_is_complete() -> None:
    """Servers append comments; another revision has an end of its own."""
    data = sample_files.pdf() + b"<!-- saved from the web -->\n" * 200
    assert missing(data, "a.pdf") == ""
    revision = b"12 0 obj\n<</Type /Annot>>\nendobj\n"
    assert missing(sample_files.pdf() + revision, "a.pdf")


def test_zip_with_a_zip64_record_that_it_did_not_need_is_complete() -> None:
    """Info-ZIP writes one where it reads a member from a pipe."""
    data = sample_files.with_zip64_record(sample_files.archive())
    assert missing(data, "a.zip") == ""
    accepted = [
        at for at in cuts(len(data)) if not missing(data[:at], "a.zip")
    ]
    assert accepted == []


@pytest.mark.parametrize("name", ["a.zip.001", "a.7z.001", "a.wav.001"])
def test_volume_of_a_split_file_is_not_checked(name: str) -> None:
    """Each part is incomplete by itself, and the others have no header."""
    whole = {
        "a.zip.001": sample_files.archive(members={"a": bytes(range(256))}),
        "a.7z.001": sample_files.seven_zip(),
        "a.wav.001": wav(),
    }[name]
    assert missing(whole, name[:-4]) == ""
    assert missing(whole[:70], name[:-4])
    assert inspect_bytes(whole[:70], name) is None
