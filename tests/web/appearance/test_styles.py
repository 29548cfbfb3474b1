# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stylesheets, as far as they can be checked without a browser."""

import re
from importlib.resources import files

import pytest

STATIC = files("msrv.web").joinpath("static")
STYLESHEETS = sorted(
    each.name for each in STATIC.iterdir() if each.name.endswith(".css")
)
PHYSICAL = re.compile(
    r"(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)\b"
    r"|(?<![\w-])(?:left|right|float|clear)\s*:"
    r"|text-align:\s*(?:left|right)\b"
)
"""Properties of a side, which doesn't change with the direction of a page."""


@pytest.mark.parametrize("name", STYLESHEETS)
def test_styles_follow_the_direction_of_the_page(name: str) -> None:
    text = STATIC.joinpath(name).read_text("utf-8")
    assert PHYSICAL.findall(text) == []


@pytest.mark.parametrize(
    "text",
    ["a { margin-left: 1rem }", "a{left:0}", "td { text-align: right; }"],
)
def test_property_of_a_side_is_found(text: str) -> None:
    assert PHYSICAL.search(text)
