# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Completeness of archives and documents."""

import pytest

from tests.catalog import sample_files
from tests.catalog.integrity.container_checks import (
    cuts,
    missing,
)


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


def test_self_extracting_zip_is_complete() -> None:
    assert missing(b"MZ" + bytes(5000) + sample_files.archive(), "a.zip") == ""


def test_pdf_after_junk_is_checked() -> None:
    """A PDF saved with a mail's header before it is checked like any other."""
    data = b"\r\n" * 20 + sample_files.pdf()
    assert missing(data, "a.pdf") == ""
    assert missing(data[:3000], "a.pdf")
