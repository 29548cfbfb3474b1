# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""XML that other programs can read, whatever is in the texts."""

from xml.etree.ElementTree import Element, SubElement, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.web.discovery.xml_output import add_text, to_document

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(ANY_TEXT, ANY_TEXT)
def test_document_is_well_formed_for_any_text(
    text: str, attribute: str
) -> None:
    root = Element("feed")
    add_text(root, "title", text)
    SubElement(root, "category", term=attribute)
    read = fromstring(to_document(root))  # noqa: S314 - our own
    assert [each.tag for each in read] == ["title", "category"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\ufffeb\uffffc", "abc"),
        ("a\x00b\x1bc\udcffd", "abcd"),
        ("é <b> & ]]> 🎵\U0001fffe\t", "é <b> & ]]> 🎵\U0001fffe\t"),
    ],
)
def test_only_characters_that_xml_can_not_contain_are_left_out(
    text: str, expected: str
) -> None:
    root = Element("feed", title=text)
    add_text(root, "title", text)
    read = fromstring(to_document(root))  # noqa: S314 - our own
    assert read.findtext("title") == expected
    assert read.get("title") == expected
