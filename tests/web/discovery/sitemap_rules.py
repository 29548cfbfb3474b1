# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rules of a sitemap: those of sitemap.xsd and siteindex.xsd, and limits.

The schemas are those of https://www.sitemaps.org/schemas/sitemap/0.9, the
limits those of https://www.sitemaps.org/protocol.html.
"""

import re
from datetime import date, datetime
from typing import Final
from xml.etree import ElementTree as ET

NAMESPACE: Final = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
MAX_ENTRIES: Final = 50_000
MAX_BYTES: Final = 50 << 20
LOC_CHARS: Final = range(12, 2049)

_SEQUENCES: Final = {
    "urlset": ("url", ["loc", "lastmod", "changefreq", "priority"]),
    "sitemapindex": ("sitemap", ["loc", "lastmod"]),
}
"""By the root: its entries, and what they contain in this order."""
_URI: Final = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]+(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]"
    r"|%[0-9A-Fa-f]{2})*)?(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]"
    r"|%[0-9A-Fa-f]{2})*)?"
)
"""An absolute URI without a fragment (RFC 3986, section 3)."""
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
)
"""An xsd:dateTime with a time zone, which W3C's datetime demands."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


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
    _require(not tree.attrib and not (tree.text or "").strip(), "in the root")
    entry, names = _SEQUENCES[root]
    _require(0 < len(tree) <= MAX_ENTRIES, f"{len(tree)} entries")
    found = [_location(each, entry, names) for each in tree]
    _require(len(set(found)) == len(found), "a location is listed twice")
    hosts = {"/".join(each.split("/", 3)[:3]) for each in found}
    _require(len(hosts) == 1, f"of several sites: {hosts}")
    return found


def _location(entry: ET.Element, name: str, names: list[str]) -> str:
    _require(entry.tag == NAMESPACE + name, f"entry {entry.tag}")
    _require(not entry.attrib, f"attributes {entry.attrib}")
    outside = [entry.text, entry.tail, *(each.tail for each in entry)]
    _require(not "".join(filter(None, outside)).strip(), "text outside")
    tags = [each.tag.removeprefix(NAMESPACE) for each in entry]
    _require(tags[:1] == ["loc"], f"{tags} has no loc first")
    places = [names.index(tag) if tag in names else -1 for tag in tags]
    _require(
        -1 not in places and places == sorted(set(places)), f"order {tags}"
    )
    _require(
        not any(each.attrib or len(each) for each in entry), "a value is text"
    )
    texts = {
        tag: each.text or "" for tag, each in zip(tags, entry, strict=True)
    }
    location = texts["loc"]
    _require(len(location) in LOC_CHARS, f"length of {location!r}")
    _require(_URI.fullmatch(location) is not None, f"no URI: {location!r}")
    if "lastmod" in texts:
        _require(_is_time(texts["lastmod"]), f"time {texts['lastmod']!r}")
    _require(not {"changefreq", "priority"} & set(tags), "not used here")
    return location


def _is_time(text: str) -> bool:
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return True
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _TIME.fullmatch(text) is not None


def _require(condition: bool, rule: str) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise Invalid(rule)
