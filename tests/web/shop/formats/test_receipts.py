# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Formats on receipts, in playlists and on a release's page."""

import hashlib
import html
import json
import re

import pytest

from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.item_formats import ItemFormats
from msrv.orders.download_links import ReceiptItem
from msrv.web.shop.purchases.format_choice import FormatChoice
from msrv.web.store import STORE
from tests.catalog.encodings.masters import LYRICS, EncodedLibrary
from tests.conftest import Clock
from tests.web.purchases import JSON, path_of
from tests.web.shop.formats.conftest import Bought

_FORMAT_LINK = re.compile(r'href="/download/[^"?]+\?as=([^"]*)"')


_SOURCE = re.compile(r'<source src="(/download/[^"]+)" type="([^"]+)">')


async def test_receipt_has_the_formats_of_each_item_for_programs(
    bought: Bought,
) -> None:
    data = await (await bought.store.get(bought.receipt, headers=JSON)).json()
    parts = {each["title"]: each for each in data["items"][0]["parts"]}
    found = {
        title: [each["format"] for each in part["formats"]]
        for title, part in parts.items()
    }
    assert found == {
        "Departure": ["original", "mp3-v0"],
        "Wrong Stop": ["original", "flac", "mp3-v0"],
        "Lyrics": ["original"],
    }
    mp3 = parts["Departure"]["formats"][1]
    async with bought.store.get(path_of(mp3["download"])) as response:
        body = await response.read()
    assert hashlib.sha256(body).hexdigest() == mp3["sha256"]
    assert len(body) == mp3["size_bytes"]
    assert response.headers["Content-Type"] == mp3["media_type"]


async def test_receipt_offers_a_choice_that_works_without_scripts(
    bought: Bought,
) -> None:
    page = await (await bought.store.get(bought.receipt)).text()
    assert "Original (FLAC, WAV)" in page
    assert '<option value="mp3-v0" data-type="audio/mpeg">MP3 V0' in page
    assert not _FORMAT_LINK.findall(page)
    chosen = await (
        await bought.store.get(bought.receipt, params={"as": "mp3-v0"})
    ).text()
    assert f'{bought.album.rpartition("/")[2]}?as=mp3-v0"' in chosen
    assert _FORMAT_LINK.findall(chosen) == ["mp3-v0"] * 3
    assert "ZIP, MP3 V0" in chosen
    assert 'data-type="audio/mpeg" selected' in chosen


async def test_receipt_plays_each_track_in_the_formats_that_it_has(
    bought: Bought,
) -> None:
    page = await (await bought.store.get(bought.receipt)).text()
    listed = [
        json.loads(html.unescape(each))
        for each in re.findall(r'data-sources="([^"]+)"', page)
    ]
    assert listed == [
        [["original", "audio/flac"], ["mp3-v0", "audio/mpeg"]],
        [
            ["original", "audio/wav"],
            ["flac", "audio/flac"],
            ["mp3-v0", "audio/mpeg"],
        ],
    ]
    # Without scripts, the browser chooses among files of these types.
    sources = _SOURCE.findall(page)
    assert [kind for _, kind in sources] == [
        *("audio/flac", "audio/mpeg"),
        *("audio/wav", "audio/mpeg", "audio/flac"),
    ]
    for link, kind in sources:
        ranged = {"Range": "bytes=0-9"}
        async with bought.store.get(link, headers=ranged) as response:
            assert response.status == 206
            assert response.headers["Content-Type"] == kind
    chosen = await bought.store.get(f"{bought.receipt}?as=mp3-v0")
    first, *_ = _SOURCE.findall(await chosen.text())
    assert first[0].endswith("?as=mp3-v0")


async def test_waveform_and_lyrics_of_a_track_are_by_its_link(
    bought: Bought, clock: Clock
) -> None:
    store, link = bought.store, bought.tracks["Departure"]
    data = await (await store.get(bought.receipt, headers=JSON)).json()
    parts = {each["title"]: each for each in data["items"][0]["parts"]}
    assert parts["Lyrics"]["waveform"] is None
    address = path_of(parts["Departure"]["waveform"])
    page = html.unescape(await (await store.get(bought.receipt)).text())
    assert len(re.findall(r'data-waveform="/download/', page)) == 2
    drawn = await store.get(address)
    assert drawn.content_type == "image/svg+xml"
    assert "private" in drawn.headers["Cache-Control"]
    assert (await drawn.read()).startswith(b"<svg ")
    # Others, who hear nothing of so short a track, don't see it either.
    item = link.rpartition("/")[2]
    assert (await store.get(f"/waveforms/{item}")).status == 404
    texts = await (await store.get(f"{link}/lyrics")).json()
    assert texts["lyrics"] == LYRICS
    # A track's link is for that track; a release and a PDF have no waveform.
    assert (await store.get(f"{bought.album}/waveform")).status == 404
    assert (await store.get(f"{bought.album}/lyrics")).status == 404
    pdf = await store.get(f"{bought.tracks['Lyrics']}/waveform")
    assert pdf.status == 404
    forged = link.rpartition("/")[0] + "/" + bought.release
    for name in ("waveform", "lyrics"):
        assert (await store.get(f"{forged}/{name}")).status == 404
    clock.now += 40 * 24 * 3600
    for name in ("waveform", "lyrics"):
        assert (await store.get(f"{link}/{name}")).status == 410


async def test_playlist_and_podcast_are_in_a_format(bought: Bought) -> None:
    page = await bought.store.get(f"{bought.receipt}?as=flac")
    text = await page.text()
    assert f'href="{bought.receipt}.m3u8?as=flac"' in text
    assert f'href="{bought.receipt}.rss?as=flac"' in text

    async def types(address: str) -> list[str]:
        text = await (await bought.store.get(bought.receipt + address)).text()
        found = []
        for link in re.findall(r'https?://[^\s"]+/download/[^\s"<]+', text):
            async with bought.store.get(path_of(link)) as response:
                found.append(response.headers["Content-Type"])
        return found

    assert await types(".m3u8") == ["audio/flac", "audio/wav"]
    assert await types(".m3u8?as=mp3-v0") == ["audio/mpeg"] * 2
    # Podcast apps play that, unless the buyer wants something else.
    assert await types(".rss") == ["audio/mpeg"] * 2
    assert await types(".rss?as=flac") == ["audio/flac"] * 2
    assert await types(".rss?as=original") == ["audio/flac", "audio/wav"]


@pytest.mark.parametrize("name", ["", "aac-256", "<script>", "x" * 5000])
async def test_receipt_ignores_a_format_that_it_has_not(
    bought: Bought, name: str
) -> None:
    async with bought.store.get(
        bought.receipt, params={"as": name}
    ) as response:
        assert response.status == 200
        page = await response.text()
    assert not _FORMAT_LINK.findall(page)
    assert "<script>" not in page


async def test_release_encoded_while_its_receipt_is_rendered_is_original(
    bought: Bought, encoded: EncodedLibrary
) -> None:
    """Its options were found before; the receipt has them the next time."""
    assert bought.store.app is not None
    catalog = bought.store.app[STORE].catalog.current
    release = catalog.releases_by_id[bought.release]
    line = ReceiptItem(
        release.release_id, release.title, release.price, release, "/link"
    )
    encodings = EncodingStore(encoded.encodings)
    formats = ItemFormats(encodings)
    before = await FormatChoice.of(formats, catalog, [line], "mp3-v0")
    encodings.load()
    shown = before.of_line(line)
    assert shown is not None
    assert (shown.link, shown.labels) == ("/link", ("ZIP",))
    assert shown.size_bytes == release.size_bytes
    after = await FormatChoice.of(formats, catalog, [line], "mp3-v0")
    shown = after.of_line(line)
    assert shown is not None
    assert (shown.link, shown.labels) == (
        "/link?as=mp3-v0",
        ("ZIP", "MP3 V0"),
    )


async def test_release_states_its_formats_and_sound_before_buying(
    bought: Bought,
) -> None:
    path = f"/catalog/{bought.release}"
    page = await (await bought.store.get(path)).text()
    assert "Original (FLAC, WAV), FLAC, MP3 V0" in page
    assert "16-bit, 44.1 kHz; 24-bit, 96 kHz" in page
    data = await (await bought.store.get(path, headers=JSON)).json()
    assert [each["format"] for each in data["formats"]] == [
        "original",
        "flac",
        "mp3-v0",
    ]
    assert data["items"][0]["sound"] == {
        "codec": "flac",
        "is_lossless": True,
        "sample_rate_hz": 44_100,
        "bit_depth": 16,
        "channels": 2,
    }
    assert data["items"][2]["sound"] is None
