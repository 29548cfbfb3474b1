# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bodies with a text that differs between visitors."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.web.public_pages.slotted_body import SlottedBody

TEXT = b"ABCDEFGHIJKLMNOPQRSTUVWX"
OTHER = b"234567234567234567234567"
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=300),
        # With much to refer back to, further than one piece.
        st.lists(st.sampled_from([b"<li>", b"track ", b"</li>"])).map(
            b"".join
        ),
    ).map(lambda piece: piece.replace(b"\0", b"0").replace(TEXT, b"")),
    min_size=1,
    max_size=9,
)


@given(PIECES)
def test_filled_body_is_the_body_with_the_other_text(
    pieces: list[bytes],
) -> None:
    body = SlottedBody.split(TEXT.join(pieces), TEXT)
    packed = body.compress()
    for text in (TEXT, OTHER):
        assert body.fill(text) == text.join(pieces)
        assert gzip.decompress(packed.fill(text)) == text.join(pieces)


def test_text_is_not_compressed_and_does_not_change_the_length() -> None:
    """Whatever the page has, and whether or not it has the same text."""
    pieces = [b"<p>" + OTHER * 4, b"</p>" * 100, OTHER]
    packed = SlottedBody(tuple(pieces), len(TEXT)).compress()
    assert len(packed.fill(TEXT)) == len(packed.fill(OTHER))
    assert packed.fill(TEXT).count(TEXT) == 2


def test_pieces_are_compressed_together() -> None:
    """A page of many forms isn't larger than one that is packed at once."""
    row = b'<form method="post"><input name="attempt" value="'
    body = SlottedBody.split(row + TEXT + (b'">' + row + TEXT) * 40, TEXT)
    at_once = len(zlib.compress(body.fill(TEXT), 5))
    assert len(body.compress().fill(TEXT)) < at_once + 41 * (len(TEXT) + 20)


def test_text_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="another length"):
        SlottedBody.split(TEXT, TEXT).fill(TEXT + b"A")


def test_body_with_a_nul_is_not_split() -> None:
    assert SlottedBody.can_split(b"text")
    assert not SlottedBody.can_split(b"te\0xt")
