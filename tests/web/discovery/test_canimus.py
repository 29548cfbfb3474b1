# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The Canimus collection, by the rules of its format."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from msrv.catalog.artists import Artists
from msrv.catalog.details.release_details import ReleaseDetails, ReleaseKind
from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.model import (
    Item,
    ItemKind,
    Listening,
    ListeningMode,
    Release,
    Shop,
)
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity
from msrv.web.discovery import canimus
from tests.conftest import Client

BASE = "https://shop.example"
CHILDREN = {
    "root": {"artist", "album"},
    "artist": {"album"},
    "album": {"track"},
    "track": set(),
}
"""Types of entities, and those that each may contain."""


def entities(entity: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an entity and those in it, each checked by the format's rules."""
    assert entity["uid"] or entity["url"]
    assert all(re.fullmatch("[a-z_]+", name) for name in entity)
    for link in entity.get("links", ()):
        assert link["name"]
        assert link["href"].startswith("http")
    for image in entity.get("images", {}).values():
        assert image["src"].startswith("http")
    for media in entity.get("media", ()):
        assert media["type"] == "audio/mp3"
        assert media["src"].startswith("http")
    yield entity
    for child in entity.get("children", ()):
        assert child["type"] in CHILDREN[entity["type"]]
        yield from entities(child)


async def test_collection_has_the_records_by_artist(store: Client) -> None:
    answer = await store.get("/canimus.json")
    assert answer.status == 200
    assert answer.content_type == "application/canimus+json"
    root = json.loads(await answer.read())
    assert root["type"] == "root"
    assert root["protocol"] == "Canimus"
    found = list(entities(root))
    uids = [each["uid"] for each in found]
    assert len(set(uids)) == len(uids)
    (artist,) = root["children"]
    assert artist["name"] == "The Wet Coats"
    albums = {each["uid"]: each for each in artist["children"]}
    assert set(albums) == {"night-bus", "umbrella-single"}
    album = albums["night-bus"]
    assert album["release_date"] == "2026-03-06"
    assert album["links"][0]["rel"] == "purchase"
    assert [each["name"] for each in album["children"]] == [
        "Departure",
        "Wrong Stop",
    ]
    addresses = [each["url"] for each in found if "url" in each]
    for address in addresses:
        path = re.sub(r"^https?://[^/]+", "", address)
        assert (await store.get(path)).status == 200
    etag = answer.headers["ETag"]
    again = await store.get("/canimus.json", headers={"If-None-Match": etag})
    assert again.status == 304


async def test_front_page_leads_to_the_collection(store: Client) -> None:
    page = await (await store.get("/")).text()
    assert (
        '<link rel="alternate" type="application/canimus+json" '
        'href="/canimus.json"' in page
    )


def release(
    number: int, artist: str = "", kind: ReleaseKind = ReleaseKind.ALBUM
) -> Release:
    content = Content("x", FileIdentity(1, 1, 1, 1), bytes(32), 1, "a/b")
    price, name = Money(700, "EUR"), f"r{number}"
    items = tuple(
        Item(f"{name}-{n}", name, ItemKind.TRACK, "T", by, price, content)
        for n, by in enumerate((artist, "Guest"))
    )
    return Release(
        release_id=name,
        folder=name,
        title=f"<{name}>",
        artist=artist,
        date=f"{1500 + number}",
        description="*Loud* <script>",
        price=price,
        items=items,
        details=ReleaseDetails(kind=kind, genres=("Dub", "Pop")),
    )


def collection_of(*releases: Release) -> dict[str, Any]:
    catalog = assemble_catalog(Shop(name="Shop"), releases)
    document = canimus.collection(
        catalog, Artists.of(catalog), BASE, lambda item: item.artist != "Guest"
    )
    found: dict[str, Any] = json.loads(document)
    return found


def test_tracks_without_a_preview_have_no_media() -> None:
    root = collection_of(release(1, "Ann"))
    album = root["children"][0]["children"][0]
    first, second = album["children"]
    (medium,) = first["media"]
    assert medium["src"] == f"{BASE}/previews/r1-0"
    assert medium["label"] == "Preview"
    assert "artist" not in first
    assert second["artist"] == "Guest"
    assert "media" not in second
    assert album["genre"] == "Dub, Pop"
    assert "<script>" not in album["description"]


def test_track_that_is_heard_whole_is_not_called_a_preview() -> None:
    album = release(1, "Ann")
    whole = Listening(ListeningMode.FULL)
    items = tuple(replace(each, listening=whole) for each in album.items)
    root = collection_of(replace(album, items=items))
    track = root["children"][0]["children"][0]["children"][0]
    assert track["media"] == [
        {"type": "audio/mp4", "src": f"{BASE}/previews/r1-0"}
    ]


def test_only_music_is_in_it_and_only_the_newest() -> None:
    others = [
        release(number, kind=kind)
        for number, kind in enumerate(ReleaseKind)
        if not kind.is_music
    ]
    assert "children" not in collection_of(*others)
    root = collection_of(*[release(number) for number in range(510)])
    names = [each["uid"] for each in root["children"]]
    assert len(names) == canimus.MAX_RELEASES
    assert (names[0], names[-1]) == ("r509", "r10")
