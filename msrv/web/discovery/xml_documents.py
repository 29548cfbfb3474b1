# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""XML documents of a catalog: sitemap, Atom and RSS.

- Sitemap: sitemaps.org/protocol.html
- Atom: RFC 4287
- RSS: rssboard.org/rss-specification, with Media RSS
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil
from typing import Final, NamedTuple
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement

from msrv.catalog import markdown
from msrv.catalog.artists import Artist, Artists
from msrv.catalog.browsing.tag_index import Tag, TagIndex
from msrv.catalog.model import Catalog, Release
from msrv.catalog.names.ids import tag_slug
from msrv.translations import current_language, gettext
from msrv.web.discovery.page_metadata import (
    shortened,
    title_with_artist,
)
from msrv.web.discovery.xml_output import add_text, to_document
from msrv.web.shop.json_views import release_path, shared_cover_path

MAX_URLS: Final = 10_000
"""Addresses in one sitemap; the protocol allows 50,000."""
FEED_ENTRIES: Final = 50

_SITEMAP: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_MEDIA: Final = "http://search.yahoo.com/mrss/"
_DATE_PARTS: Final = 3
_MAX_TIME: Final = 253_402_300_799
"""End of the year 9999, the last that a date can state."""


def sitemap_count(catalog: Catalog, artists: Artists, tags: TagIndex) -> int:
    """Return the number of sitemaps that a catalog needs, at least one."""
    addresses = 2 + sum(
        map(
            len,
            (
                catalog.pages,
                catalog.offered,
                artists.by_slug,
                tags.by_slug,
            ),
        )
    )
    addresses += bool(artists.by_slug) + bool(tags.by_slug)
    return ceil(addresses / MAX_URLS)


def sitemap_index(
    catalog: Catalog, artists: Artists, tags: TagIndex, base_url: str
) -> bytes:
    """Return the index of a catalog's sitemaps."""
    root = Element("sitemapindex", xmlns=_SITEMAP)
    for number in range(1, sitemap_count(catalog, artists, tags) + 1):
        entry = SubElement(root, "sitemap")
        add_text(entry, "loc", f"{base_url}/sitemap.xml?page={number}")
    return to_document(root)


def sitemap(
    catalog: Catalog,
    artists: Artists,
    tags: TagIndex,
    base_url: str,
    page: int = 1,
) -> bytes:
    """Return one sitemap, numbered from 1: the public pages."""
    newest = max(map(last_modified, catalog.offered), default=0)
    pages = [("/", newest), ("/catalog", newest)]
    pages += [
        (f"/pages/{each.slug}", each.changed_at) for each in catalog.pages
    ]
    pages += [
        (release_path(each), last_modified(each)) for each in catalog.offered
    ]
    if artists.by_slug:
        pages.append(("/artists", newest))
    pages += [
        (
            f"/artists/{each.slug}",
            max(
                each.profile.changed_at if each.profile else 0,
                *map(last_modified, (*each.releases, *each.appearances)),
            ),
        )
        for each in artists.by_slug.values()
    ]
    if tags.by_slug:
        pages.append(("/tags", newest))
    pages += [
        (f"/tags/{each.slug}", max(map(last_modified, each.releases)))
        for each in tags.by_slug.values()
    ]
    first = (page - 1) * MAX_URLS
    root = Element("urlset", xmlns=_SITEMAP)
    for path, changed_at in pages[first : first + MAX_URLS]:
        entry = SubElement(root, "url")
        add_text(entry, "loc", base_url + path)
        if changed_at > 0:
            add_text(entry, "lastmod", _iso(changed_at))
    return to_document(root)


def atom(
    catalog: Catalog, base_url: str, of: Artist | Tag | None = None
) -> bytes:
    """Return the newest releases, of an artist or a tag, as an Atom feed."""
    subject = _subject(catalog, of)
    entries = _entries(subject)
    address = f"{base_url}/feed.atom{subject.query}"
    language = current_language().tag
    root = Element(
        "feed",
        {"xmlns": _ATOM, "xmlns:media": _MEDIA, "xml:lang": language},
    )
    add_text(root, "title", subject.title)
    if catalog.shop.tagline:
        add_text(root, "subtitle", catalog.shop.tagline)
    add_text(root, "id", address)
    add_text(
        root, "updated", _iso(max(map(last_modified, entries), default=0))
    )
    SubElement(root, "link", rel="self", href=address)
    SubElement(root, "link", rel="alternate", href=base_url + subject.path)
    author = SubElement(root, "author")
    add_text(author, "name", catalog.shop.name)
    for release in entries:
        link = base_url + release_path(release)
        entry = SubElement(root, "entry")
        add_text(entry, "title", title_with_artist(release))
        add_text(entry, "id", base_url + _lasting_path(catalog, release))
        SubElement(entry, "link", rel="alternate", href=link)
        add_text(entry, "published", _iso(published_at(release)))
        add_text(entry, "updated", _iso(last_modified(release)))
        if release.artist:
            by = SubElement(entry, "author")
            add_text(by, "name", release.artist)
        add_text(entry, "summary", _summary(release))
        for name in release.details.subjects:
            SubElement(entry, "category", term=tag_slug(name), label=name)
        _add_cover(entry, release, base_url)
    return to_document(root)


def rss(
    catalog: Catalog, base_url: str, of: Artist | Tag | None = None
) -> bytes:
    """Return the newest releases, of an artist or a tag, as an RSS feed."""
    subject = _subject(catalog, of)
    root = Element("rss", {"version": "2.0", "xmlns:media": _MEDIA})
    channel = SubElement(root, "channel")
    add_text(channel, "title", subject.title)
    add_text(channel, "link", base_url + subject.path)
    add_text(channel, "language", current_language().tag)
    add_text(channel, "description", catalog.shop.tagline or catalog.shop.name)
    for release in _entries(subject):
        link = base_url + release_path(release)
        entry = SubElement(channel, "item")
        add_text(entry, "title", title_with_artist(release))
        add_text(entry, "link", link)
        add_text(entry, "guid", base_url + _lasting_path(catalog, release))
        at = datetime.fromtimestamp(published_at(release), UTC)
        add_text(entry, "pubDate", format_datetime(at))
        add_text(entry, "description", _summary(release))
        for name in release.details.subjects:
            add_text(entry, "category", name)
        _add_cover(entry, release, base_url)
    return to_document(root)


class _Subject(NamedTuple):
    """Subject of a feed: its title, its query, its page and its releases."""

    title: str
    query: str
    path: str
    releases: Sequence[Release]


def _subject(catalog: Catalog, of: Artist | Tag | None) -> _Subject:
    name = catalog.shop.name
    if of is None:
        return _Subject(name, "", "/", catalog.offered)
    title = gettext("%(title)s at %(store)s", title=of.name, store=name)
    if isinstance(of, Tag):
        query = urlencode({"tag": of.slug})
        return _Subject(title, f"?{query}", f"/tags/{of.slug}", of.releases)
    query = urlencode({"artist": of.name})
    return _Subject(title, f"?{query}", f"/artists/{of.slug}", of.releases)


def _entries(subject: _Subject) -> Sequence[Release]:
    """Return the releases of a feed, the newest first."""
    newest = sorted(subject.releases, key=published_at, reverse=True)
    return newest[:FEED_ENTRIES]


def _lasting_path(catalog: Catalog, release: Release) -> str:
    """Return the path that a release has in feeds of every version.

    It has the release's id by the rule of version 1.0, and redirects to its
    page: a feed reader shows an entry with another path as a new one.
    """
    for former in release.former:
        if (
            isinstance(former, Release)
            and former.folder == release.folder
            and catalog.moved.get(former.release_id) == release.release_id
        ):
            return release_path(former)
    return release_path(release)


def published_at(release: Release) -> int:
    """Return a release's date in Unix seconds; without one, its oldest file's.

    A year or a month stands for its first day.
    """
    parts = release.date.split("-") if release.date else []
    try:
        year, month, day = (
            int(part) for part in [*parts, "1", "1"][:_DATE_PARTS]
        )
        return max(0, int(datetime(year, month, day, tzinfo=UTC).timestamp()))
    except ValueError:
        return min(max(0, release.first_modified), _MAX_TIME)


def last_modified(release: Release) -> int:
    """Return the date of a release's newest file, in Unix seconds from 0."""
    return min(max(0, release.last_modified), _MAX_TIME)


def _summary(release: Release) -> str:
    text = markdown.render(release.description).plain
    return shortened(text) or title_with_artist(release)


def _add_cover(entry: Element, release: Release, base_url: str) -> None:
    SubElement(
        entry,
        "media:content",
        url=base_url + shared_cover_path(release),
        medium="image",
        type="image/jpeg",
    )


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
