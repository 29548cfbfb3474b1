# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Languages of titles, by their script."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.translations.title_languages import title_language


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("夜のバス", "ja"),
        ("カセット (Live)", "ja"),
        ("밤 버스", "ko"),
        ("אוטובוס לילה", "he"),
        ("Νύχτα", "el"),
        ("حبيتك بالصيف (Live 2024)", "ar"),
        # Persian, Urdu and Kurdish have letters of their own.
        ("شب‌های تهران", ""),
        ("رات کی بس", ""),
        # Nothing here that Persian doesn't write as well.
        ("باران", ""),
        # Chinese, or Japanese without kana; Russian, or Ukrainian.
        ("夜行列車", ""),
        ("Ночной автобус", ""),
        ("Night Bus", ""),
        ("Live in ソウル, a very long night", ""),
        ("밤 バス", ""),
        ("µ-Tape 01", ""),
        ("01 / 02", ""),
        ("", ""),
    ],
)
def test_language_by_script(title: str, language: str) -> None:
    assert title_language(title) == language


@given(title=st.text())
def test_any_title_has_a_tag_or_none(title: str) -> None:
    assert re.fullmatch("(?:[a-z]{2})?", title_language(title))
