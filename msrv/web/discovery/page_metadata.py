# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metadata in the head of a page: link previews and structured data.

Link previews follow the Open Graph protocol (ogp.me) and X's cards.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import Release, Shop
from msrv.translations import gettext
from msrv.web.discovery import structured_data
from msrv.web.shop.json_views import release_path, shared_cover_path

_DESCRIPTION_CHARS: Final = 200
_MAX_WORD_CHARS: Final = 50
_ESCAPED: Final = {
    ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"
}


class Alternate(NamedTuple):
    """Another form of a page's content: its media type, path and title."""

    media_type: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """Metadata of one page.

    `canonical` is the page's own address. `properties` are names and contents
    of Open Graph; `data` is structured data by schema.org. `oembed` is the
    address that says how the page is embedded, empty for none. `alternates`
    are what it has besides JSON and the feed of the store.
    """

    canonical: str
    description: str
    properties: tuple[tuple[str, str], ...]
    data: tuple[Mapping[str, Any], ...] = ()
    oembed: str = ""
    alternates: tuple[Alternate, ...] = ()

    @property
    def scripts(self) -> tuple[Markup, ...]:
        """The structured data as JSON-LD, safe inside of a script element."""
        return tuple(
            Markup(  # noqa: S704 - no character in it ends the element
                json.dumps(each, ensure_ascii=False).translate(_ESCAPED)
            )
            for each in self.data
        )


def front_metadata(
    shop: Shop, first: Release | None, base_url: str
) -> PageMetadata:
    """Return the metadata of the front page; `first` is its first release."""
    description = shop.tagline or gettext(
        "Digital downloads from %(store)s.", store=shop.name
    )
    properties = [
        ("og:type", "website"),
        ("og:site_name", shop.name),
        ("og:title", shop.name),
        ("og:description", description),
        ("og:url", f"{base_url}/"),
        ("twitter:card", "summary"),
    ]
    if first is not None:
        properties.append(("og:image", base_url + shared_cover_path(first)))
    return PageMetadata(
        f"{base_url}/",
        description,
        tuple(properties),
        (structured_data.website(shop, base_url),),
        alternates=(
            Alternate("application/canimus+json", "/canimus.json", shop.name),
        ),
    )


def release_metadata(
    release: Release, shop: Shop, base_url: str, text: str
) -> PageMetadata:
    """Return the metadata of a release's page; `text` describes it."""
    address = base_url + release_path(release)
    title = title_with_artist(release)
    description = shortened(text) or title
    price = release.minimum or release.price
    properties = [
        *_kind_properties(release),
        ("og:site_name", shop.name),
        ("og:title", title),
        ("og:description", description),
        ("og:url", address),
        ("product:price:amount", price.decimal),
        ("product:price:currency", price.currency),
    ]
    alt = release.cover_alt or gettext(
        "Cover of %(title)s", title=release.title
    )
    properties += [
        ("og:image", base_url + shared_cover_path(release)),
        ("og:image:type", "image/jpeg"),
        ("og:image:alt", alt),
        ("twitter:card", "summary_large_image"),
    ]
    return PageMetadata(
        address,
        description,
        tuple(properties),
        (
            structured_data.release(release, shop, base_url, text),
            structured_data.breadcrumbs(release, shop, base_url),
        ),
        f"{base_url}/oembed?{urlencode({'url': address})}",
    )


def title_with_artist(release: Release) -> str:
    """Return a release's title, followed by its artist where it has one."""
    if not release.artist:
        return release.title
    return gettext(
        "%(title)s by %(artist)s", title=release.title, artist=release.artist
    )


def shortened(text: str) -> str:
    """Return the beginning of a plain text, cut between words.

    Where a word is as long as a sentence, as in Japanese, it is cut.
    """
    if len(text) <= _DESCRIPTION_CHARS:
        return text
    beginning = text[:_DESCRIPTION_CHARS]
    words = beginning.rpartition(" ")[0]
    is_short = len(words) < _DESCRIPTION_CHARS - _MAX_WORD_CHARS
    return f"{beginning if is_short else words}…"


def _kind_properties(release: Release) -> list[tuple[str, str]]:
    """Return the properties of Open Graph's type for the release's kind."""
    kind, details = release.details.kind, release.details
    seconds = round(details.duration_seconds or 0)
    found = {"release_date": release.date}
    if kind.is_music:
        vertical = "music"
        type_name = "album" if len(release.offered) > 1 else "song"
    elif kind is ReleaseKind.BOOK:
        vertical, type_name = "book", ""
        found["isbn"] = details.isbn
    elif kind is ReleaseKind.VIDEO:
        vertical, type_name = "video", "other"
        found["duration"] = str(seconds) if seconds else ""
    else:
        return [("og:type", "product")]
    name = f"{vertical}.{type_name}" if type_name else vertical
    return [
        ("og:type", name),
        *((f"{vertical}:{key}", text) for key, text in found.items() if text),
    ]
