# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PDF documents: deterministic, and without an empty box for a letter."""

import re
import zlib

import pytest

from msrv.web.pdf.document import PdfSection, pdf_document, writable

NOON = 1_800_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Départ, Отправление, מסע, رحلة", "Départ, Отправление, מסע, رحلة"),
        ("Tokyo 東京", "Tokyo [U+6771 U+4EAC]"),
        ("東\x07京, 都", "[U+6771 U+4EAC], [U+90FD]"),
        ("a\x07b", "ab"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_letters_without_a_glyph_are_code_points(
    text: str, expected: str
) -> None:
    assert writable(text) == expected


def test_same_facts_are_the_same_bytes() -> None:
    sections = [
        PdfSection("Items", (("Départ", "€1.00"), ("رحلة", "long " * 400))),
        PdfSection("Nothing", text="None."),
    ]
    first, second = (
        pdf_document("Evidence", "Wet Coats", sections, NOON) for _ in "12"
    )
    assert first == second
    assert b"D:20270115080000Z" in first
    other = pdf_document("Evidence", "Wet Coats", sections, NOON + 1)
    assert other != first
    # The font is in it: no reader has to have it.
    assert b"/FontFile2" in first
    streams = re.findall(rb"stream\n(.*?)\nendstream", first, re.DOTALL)
    assert any(b"BT" in _inflated(each) for each in streams)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""
