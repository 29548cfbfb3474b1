# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts written as TOML strings."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.drafts.toml_text import quoted


@given(st.text())
def test_any_text_is_read_back(text: str) -> None:
    line = f"title = {quoted(text)}"
    assert "\n" not in line
    expected = "".join(
        "\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text
    )
    assert tomllib.loads(line)["title"] == expected


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "\\",
        '"""',
        "a\nb",
        "\x00\x1f\x7f",
        "\u2028",
        "שלום",
        "🎸",
        "\ud800",
    ],
)
def test_awkward_text_is_one_value(text: str) -> None:
    values = tomllib.loads(f"a = {quoted(text)}\nb = 1")
    assert values.keys() == {"a", "b"}
    quoted(text).encode("utf-8")


@given(st.text(min_size=1))
def test_any_text_is_a_key(text: str) -> None:
    values = tomllib.loads(f"[items.{quoted(text)}]\nprice = '0'")
    assert len(values["items"]) == 1
