# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Link previews and structured data in the heads of pages."""

import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from yarl import URL

from msrv.catalog.model import Release, Shop
from msrv.money import Money
from msrv.web.discovery.page_metadata import (
    front_metadata,
    release_metadata,
    shortened,
)
from tests.conftest import Client

BASE = "https://shop.example"
JSON = {"Accept": "application/json"}


class Head(HTMLParser):
    """Metadata of a page's head."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.metas: dict[str, str] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.data: list[Any] = []
        self._in_data = False
        self.feed(page)

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Collect a meta or link element."""
        found = {name: value or "" for name, value in attrs}
        if tag == "meta":
            name = found.get("property") or found.get("name", "")
            self.metas[name] = found.get("content", "")
        elif tag == "link":
            self.links[found["rel"], found.get("type", "")] = found["href"]
        self._in_data = found.get("type") == "application/ld+json"

    def handle_data(self, data: str) -> None:
        """Collect structured data."""
        if self._in_data:
            self.data.append(json.loads(data))
            self._in_data = False


async def test_release_has_a_link_preview(store: Client) -> None:
    head = Head(await (await store.get("/catalog/night-bus")).text())
    metas = head.metas
    address = str(store.make_url("/catalog/night-bus"))
    assert metas["og:type"] == "music.album"
    assert metas["og:title"] == "Night Bus by The Wet Coats"
    assert metas["og:site_name"] == "Wet Coats"
    assert metas["og:url"] == address
    assert metas["og:description"] == metas["description"]
    assert metas["product:price:amount"] == "7.00"
    assert metas["product:price:currency"] == "EUR"
    assert head.links["canonical", ""] == address
    assert head.links["alternate", "application/json"] == address


async def test_front_page_has_a_picture_of_its_first_release(
    store: Client,
) -> None:
    metas = Head(await (await store.get("/")).text()).metas
    first = await (await store.get("/", headers=JSON)).json()
    release_id = [*first["featured"], first["newest"][0]["release"]][0]
    address = metas["og:image"]
    assert f"/covers/{release_id}/" in address
    picture = await store.get(URL(address).raw_path_qs)
    assert picture.content_type == "image/jpeg"


def test_front_page_of_an_empty_store_has_no_picture() -> None:
    properties = dict(front_metadata(Shop(), None, BASE).properties)
    assert "og:image" not in properties


async def test_structured_data_has_what_search_engines_require(
    store: Client,
) -> None:
    head = Head(await (await store.get("/catalog/night-bus")).text())
    album, crumbs = head.data
    assert album["@context"] == "https://schema.org"
    assert album["@type"] == "MusicAlbum"
    assert album["name"] == "Night Bus"
    assert album["byArtist"] == {
        "@type": "MusicGroup",
        "name": "The Wet Coats",
    }
    assert album["offers"]["price"] == "7.00"
    assert album["offers"]["priceCurrency"] == "EUR"
    assert album["offers"]["availability"] == "https://schema.org/InStock"
    assert album["numTracks"] == len(album["track"])
    assert [each["position"] for each in crumbs["itemListElement"]] == [
        1,
        2,
        3,
    ]
    (site,) = Head(await (await store.get("/")).text()).data
    assert site["@type"] == "WebSite"


async def test_shared_image_is_a_jpeg_of_1200_pixels(store: Client) -> None:
    for path in ("night-bus", "umbrella-single"):
        metas = Head(await (await store.get(f"/catalog/{path}")).text()).metas
        assert metas["twitter:card"] == "summary_large_image"
        image = await store.get(
            re.sub(r"^https?://[^/]+", "", metas["og:image"])
        )
        assert image.content_type == "image/jpeg"
        with Image.open(io.BytesIO(await image.read())) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 1200


async def test_private_pages_have_no_link_preview(store: Client) -> None:
    for path in ("/cart", "/checkout", "/verify", "/redeem"):
        head = Head(await (await store.get(path)).text())
        assert not any(name.startswith("og:") for name in head.metas)
        assert ("canonical", "") not in head.links


@given(st.text(max_size=60), st.text(max_size=300))
def test_no_text_ends_the_script_element(title: str, text: str) -> None:
    release = Release("r", "r", title, title, "", text, Money(100, "EUR"), ())
    for script in release_metadata(release, Shop(), BASE, text).scripts:
        assert "<" not in script
        assert json.loads(script)["@context"] == "https://schema.org"


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("A few words.", "A few words."),
        ("rain " * 60, ("rain " * 40).rstrip() + "…"),
        (
            "東京発 " + "静かな夜に録音" * 40,
            ("東京発 " + "静かな夜に録音" * 40)[:200] + "…",
        ),
    ],
)
def test_description_is_cut_between_words_if_there_are_any(
    text: str, beginning: str
) -> None:
    assert shortened(text) == beginning
