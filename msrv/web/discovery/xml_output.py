# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""XML that is well-formed, whatever characters are in its texts.

Apart from `xml_documents`, because invoices and podcasts are XML as well.
"""

import re
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

_DECLARATION: Final = "<?xml version='1.0' encoding='utf-8'?>\n"
_INVALID: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that XML 1.0 can't contain, not even escaped (section 2.2)."""


def add_text(parent: Element, name: str, text: str) -> None:
    """Add an element with a text."""
    SubElement(parent, name).text = text


def to_document(root: Element) -> bytes:
    """Return an element as a document in UTF-8.

    Characters that XML can't contain are left out of texts and attributes.
    """
    text: str = tostring(root, encoding="unicode")
    return f"{_DECLARATION}{_INVALID.sub('', text)}\n".encode()
