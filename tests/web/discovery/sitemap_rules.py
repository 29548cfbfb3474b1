# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Judge of sitemaps: their XML Schema, and what no schema can say.

The schema has the elements of https://www.sitemaps.org/protocol.html, and
the rest of this module its limits of bytes, encoding and site.
"""

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from xmlschema import XMLSchema, XMLSchemaValidationError

NAMESPACE: Final = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
MAX_BYTES: Final = 50 << 20
SCHEMA: Final = XMLSchema(Path(__file__).with_name("sitemap.xsd"))
_URI: Final = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]+(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]"
    r"|%[0-9A-Fa-f]{2})*)?(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]"
    r"|%[0-9A-Fa-f]{2})*)?"
)
"""An absolute URI without a fragment (RFC 3986, section 3), for loc: an
xs:anyURI may be an IRI."""


class Invalid(Exception):
    """A document breaks a rule; the message says which."""


def locations(document: bytes, root: str) -> list[str]:
    """Return the addresses in a sitemap or an index. Raises Invalid."""
    _require(len(document) <= MAX_BYTES, "over 50 MB")
    head = document[:60].lower().replace(b"'", b'"')
    _require(
        head.startswith(b'<?xml version="1.0" encoding="utf-8"?>'),
        "not declared as UTF-8",
    )
    try:
        tree = ET.fromstring(document)  # noqa: S314 - the store's own
    except ET.ParseError as error:
        raise Invalid(f"not well-formed: {error}") from error
    _require(tree.tag == NAMESPACE + root, f"root {tree.tag}")
    try:
        SCHEMA.validate(tree)
    except XMLSchemaValidationError as error:
        raise Invalid(str(error.reason)) from error
    found = [each.text or "" for each in tree.iter(f"{NAMESPACE}loc")]
    for each in found:
        _require(_URI.fullmatch(each) is not None, f"no URI: {each!r}")
    hosts = {"/".join(each.split("/", 3)[:3]) for each in found}
    _require(len(hosts) == 1, f"of several sites: {hosts}")
    return found


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise Invalid(rule)
