# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""XML documents of a catalog: sitemap, Atom and RSS.

- Sitemap: sitemaps.org/protocol.html
- Atom: RFC 4287
- RSS: rssboard.org/rss-specification, with Media RSS
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from msrv.catalog import markdown
from msrv.catalog.artists import Artists
from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.model import Catalog, Release
from msrv.web.discovery.page_metadata import (
    shortened,
    title_with_artist,
)
from msrv.web.shop.json_views import cover_path, release_path

MAX_URLS: Final = 10_000
"""Addresses in one sitemap; the protocol allows 50,000."""
FEED_ENTRIES: Final = 50

_SITEMAP: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_INVALID: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that XML 1.0 can't contain, not even escaped."""
_DATE_PARTS: Final = 3


def sitemap_count(catalog: Catalog) -> int:
    """Return the number of sitemaps that a catalog needs, at least one."""
    artists = len(Artists.of(catalog).by_slug)
    return max(1, -(-(len(catalog.offered) + artists + 2) // MAX_URLS))


def sitemap_index(catalog: Catalog, base_url: str) -> bytes:
    """Return the index of a catalog's sitemaps."""
    root = Element("sitemapindex", xmlns=_SITEMAP)
    for number in range(1, sitemap_count(catalog) + 1):
        entry = SubElement(root, "sitemap")
        _add(entry, "loc", f"{base_url}/sitemap.xml?page={number}")
    return _document(root)


def sitemap(catalog: Catalog, base_url: str, page: int = 1) -> bytes:
    """Return one sitemap, numbered from 1: the public pages."""
    newest = max(map(last_modified, catalog.offered), default=0)
    pages = [("/", newest), ("/catalog", newest)]
    pages += [
        (release_path(each), last_modified(each)) for each in catalog.offered
    ]
    pages += [
        (
            f"/artists/{each.slug}",
            max(map(last_modified, (*each.releases, *each.appearances))),
        )
        for each in Artists.of(catalog).by_slug.values()
    ]
    first = (page - 1) * MAX_URLS
    root = Element("urlset", xmlns=_SITEMAP)
    for path, changed_at in pages[first : first + MAX_URLS]:
        entry = SubElement(root, "url")
        _add(entry, "loc", base_url + path)
        if changed_at > 0:
            _add(entry, "lastmod", _iso(changed_at))
    return _document(root)


def atom(catalog: Catalog, base_url: str, artist: str = "") -> bytes:
    """Return the newest releases, or those of an artist, as an Atom feed."""
    entries = feed_entries(catalog, artist)
    address = f"{base_url}/feed.atom"
    root = Element("feed", {"xmlns": _ATOM, "xmlns:media": _MEDIA})
    _add(root, "title", _feed_title(catalog, artist))
    if catalog.shop.tagline:
        _add(root, "subtitle", catalog.shop.tagline)
    _add(root, "id", address if not artist else f"{address}?artist={artist}")
    _add(root, "updated", _iso(max(map(last_modified, entries), default=0)))
    SubElement(root, "link", rel="self", href=address)
    SubElement(root, "link", rel="alternate", href=f"{base_url}/")
    author = SubElement(root, "author")
    _add(author, "name", catalog.shop.name)
    for release in entries:
        link = base_url + release_path(release)
        entry = SubElement(root, "entry")
        _add(entry, "title", title_with_artist(release))
        _add(entry, "id", link)
        SubElement(entry, "link", rel="alternate", href=link)
        _add(entry, "published", _iso(published_at(release)))
        _add(entry, "updated", _iso(last_modified(release)))
        if release.artist:
            by = SubElement(entry, "author")
            _add(by, "name", release.artist)
        _add(entry, "summary", _summary(release))
        _add_cover(entry, release, base_url)
    return _document(root)


def rss(catalog: Catalog, base_url: str, artist: str = "") -> bytes:
    """Return the newest releases, or those of an artist, as an RSS feed."""
    root = Element("rss", {"version": "2.0", "xmlns:media": _MEDIA})
    channel = SubElement(root, "channel")
    _add(channel, "title", _feed_title(catalog, artist))
    _add(channel, "link", f"{base_url}/")
    _add(channel, "description", catalog.shop.tagline or catalog.shop.name)
    for release in feed_entries(catalog, artist):
        link = base_url + release_path(release)
        entry = SubElement(channel, "item")
        _add(entry, "title", title_with_artist(release))
        _add(entry, "link", link)
        _add(entry, "guid", link)
        at = datetime.fromtimestamp(published_at(release), UTC)
        _add(entry, "pubDate", format_datetime(at))
        _add(entry, "description", _summary(release))
        _add_cover(entry, release, base_url)
    return _document(root)


def feed_entries(catalog: Catalog, artist: str = "") -> Sequence[Release]:
    """Return the releases of a feed, the newest first."""
    wanted = artist.casefold()
    found: Iterable[Release] = catalog.offered
    if wanted:
        found = (each for each in found if each.artist.casefold() == wanted)
    newest = sorted(found, key=published_at, reverse=True)
    return newest[:FEED_ENTRIES]


def published_at(release: Release) -> int:
    """Return a release's date in Unix seconds; without one, its newest file's.

    A year or a month stands for its first day.
    """
    parts = release.date.split("-") if release.date else []
    try:
        year, month, day = (
            int(part) for part in [*parts, "1", "1"][:_DATE_PARTS]
        )
        return max(0, int(datetime(year, month, day, tzinfo=UTC).timestamp()))
    except ValueError:
        return last_modified(release)


def last_modified(release: Release) -> int:
    """Return the date of a release's newest file, in Unix seconds from 0."""
    contents = [each.content for each in (*release.items, *release.extras)]
    if release.cover is not None:
        contents.append(release.cover.content)
    newest = max((each.mtime_ns for each in contents), default=0)
    return min(max(0, newest // 10**9), 253_402_300_799)


def _summary(release: Release) -> str:
    text = markdown.render(release.description).plain
    return shortened(text) or title_with_artist(release)


def _feed_title(catalog: Catalog, artist: str) -> str:
    return f"{artist} at {catalog.shop.name}" if artist else catalog.shop.name


def _add_cover(entry: Element, release: Release, base_url: str) -> None:
    if release.cover is not None:
        path = cover_path(release, release.cover, SHARED_WIDTH)
        SubElement(
            entry,
            "media:content",
            url=base_url + path,
            medium="image",
            type="image/jpeg",
        )


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _INVALID.sub("", text)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _document(root: Element) -> bytes:
    found: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"
