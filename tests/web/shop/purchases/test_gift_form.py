# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Notes of gifts, cleaned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.proofs.gifts.gift import MAX_NOTE_CHARS, MAX_NOTE_LINES, Gift
from msrv.web.shop.purchases.gift_form import clean_note


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("  a  b\r\n\r\nc \n\n", "a b\n\nc"),
        ("a\x00b\u202egnp", "abgnp"),
        ("a\u2028b\rc", "a\nb\nc"),
        ("", ""),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
    ],
)
def test_note_is_cleaned(text: str, wanted: str) -> None:
    assert clean_note(text) == wanted


@given(st.text(max_size=400))
def test_cleaned_note_is_a_note(text: str) -> None:
    note = clean_note(text)
    assert clean_note(note) == note
    if len(note) <= MAX_NOTE_CHARS and note.count("\n") < MAX_NOTE_LINES:
        assert Gift(note=note).note == note
