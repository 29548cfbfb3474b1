# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Numbers of pages of PDFs, of tables and of streams."""

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from msrv.catalog.metadata.pdf_pages import count_pages


def with_table(pages: int) -> bytes:
    """Return a PDF with a cross-reference table."""
    first, *others = [Image.new("L", (8, 8), n) for n in range(pages)]
    data = io.BytesIO()
    first.save(data, "PDF", save_all=True, append_images=others)
    return data.getvalue()


def with_streams(pages: int, *, predictor: bool = True) -> bytes:
    """Return a PDF whose objects and references are in streams.

    The objects are the catalog (1) and the page tree (2), in the object stream
    (3); the cross-reference stream is 4.
    """
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[]/Count %d>>" % pages,
    ]
    head = b"1 0 2 %d " % (len(objects[0]) + 1)
    packed = zlib.compress(head + b" ".join(objects))
    data = b"%PDF-1.5\n"
    stream_at = len(data)
    data += (
        b"3 0 obj\n<</Type/ObjStm/N 2/First %d/Filter/FlateDecode"
        b"/Length %d>>\nstream\n" % (len(head), len(packed))
    )
    data += packed + b"\nendstream\nendobj\n"
    table_at = len(data)
    places = [(0, 0, 0), (2, 3, 0), (2, 3, 1), (1, stream_at, 0)]
    places.append((1, table_at, 0))
    rows = [
        bytes([kind]) + first.to_bytes(2) + bytes([second])
        for kind, first, second in places
    ]
    parameters = b""
    if predictor:
        above = bytes(4)
        filtered = []
        for row in rows:
            filtered.append(
                b"\2"
                + bytes((a - b) % 256 for a, b in zip(row, above, strict=True))
            )
            above = row
        rows = filtered
        parameters = b"/DecodeParms<</Columns 4/Predictor 12>>"
    packed = zlib.compress(b"".join(rows))
    data += (
        b"4 0 obj\n<</Type/XRef/Size 5/W[1 2 1]/Root 1 0 R%b"
        b"/Filter/FlateDecode/Length %d>>\nstream\n"
        % (parameters, len(packed))
    )
    data += packed + b"\nendstream\nendobj\n"
    return data + b"startxref\n%d\n%%%%EOF\n" % table_at


def pages_of(data: bytes) -> int | None:
    return count_pages(io.BytesIO(data))


@pytest.mark.parametrize("pages", [1, 2, 17])
def test_pages_are_those_of_the_page_tree(pages: int) -> None:
    assert pages_of(with_table(pages)) == pages
    assert pages_of(with_streams(pages)) == pages
    assert pages_of(with_streams(pages, predictor=False)) == pages


def test_bytes_before_the_header_are_skipped() -> None:
    assert pages_of(b"junk from a mail\n" + with_table(3)) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.4\n%%EOF\n",
        b"%PDF-1.4\nstartxref\n999999\n%%EOF\n",
        with_streams(0),
        with_streams(100_001),
        with_table(3).replace(b"startxref", b"startxrfe"),
        with_streams(3).replace(b"/Root 1", b"/Root 9"),
    ],
)
def test_pages_of_a_broken_file_are_unknown(data: bytes) -> None:
    assert pages_of(data) is None


@given(st.data())
def test_any_change_of_a_file_gives_a_number_or_none(
    data: st.DataObject,
) -> None:
    whole = data.draw(st.sampled_from([with_table(2), with_streams(2)]))
    at = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.binary(max_size=40))
    gap = data.draw(st.integers(0, 40))
    found = pages_of(whole[:at] + piece + whole[at + gap :])
    assert found is None or 0 < found <= 100_000
