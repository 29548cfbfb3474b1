# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads in a chosen format: one link, one proof, several formats."""

import asyncio
import hashlib
import html
import io
import json
import re
import zipfile
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.catalog.encodings.masters import EncodedLibrary, write_album
from tests.conftest import Client, Clock, StartStore
from tests.polling import wait_until
from tests.web.purchases import JSON, buy, path_of

_FORMATS = ("mp3-v0", "flac")
_FORMAT_LINK = re.compile(r'href="/download/[^"?]+\?as=([^"]*)"')
_SOURCE = re.compile(r'<source src="(/download/[^"]+)" type="([^"]+)">')


@pytest.fixture(scope="module")
def encoded(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> EncodedLibrary:
    """An album that was encoded once, for all tests of this module."""
    folder = tmp_path_factory.mktemp("formats")
    write_album(ffmpeg, folder / "library", *_FORMATS)
    library = EncodedLibrary(
        ffmpeg, folder / "library", folder / "data", folder / "encodings"
    )
    asyncio.run(library.encode_all())
    return library


@dataclass
class Bought:
    """A store, and the links of what was bought there."""

    store: Client
    receipt: str
    release: str
    album: str
    tracks: dict[str, str]


@pytest.fixture
async def bought(
    start_store: StartStore, settings: Settings, encoded: EncodedLibrary
) -> Bought:
    """The album, bought from a store that encodes nothing by itself."""
    store = await start_store(
        settings.model_copy(
            update={
                "library": encoded.root,
                "encodings": encoded.encodings,
                "encode_jobs": 0,
            }
        )
    )
    assert store.app is not None
    (release,) = store.app[STORE].catalog.current.releases
    order = await buy(store, release.release_id)
    receipt = path_of(order["receipt"])
    data = await (await store.get(receipt, headers=JSON)).json()
    (line,) = data["items"]
    return Bought(
        store,
        receipt,
        release.release_id,
        path_of(line["download"]),
        {each["title"]: path_of(each["download"]) for each in line["parts"]},
    )


async def test_link_sends_the_original_unless_a_format_is_chosen(
    bought: Bought, encoded: EncodedLibrary
) -> None:
    original = (encoded.root / "Night Bus" / "01 a.flac").read_bytes()
    path = bought.tracks["Departure"]
    for address in (path, f"{path}?as=original", f"{path}?as=flac"):
        async with bought.store.get(address) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "audio/flac"
            assert "01 a.flac" in response.headers["Content-Disposition"]
            assert await response.read() == original


async def test_format_has_its_own_type_name_and_validator(
    bought: Bought,
) -> None:
    path = bought.tracks["Departure"]
    async with bought.store.get(f"{path}?as=mp3-v0") as response:
        assert response.status == 200
        data = await response.read()
        headers = response.headers
    digest = hashlib.sha256(data)
    assert data.startswith(b"ID3")
    assert headers["Content-Type"] == "audio/mpeg"
    assert "01 a.mp3" in headers["Content-Disposition"]
    assert headers["ETag"] == f'"{digest.hexdigest()}"'
    encoded_digest = b64encode(digest.digest()).decode("ascii")
    assert headers["Repr-Digest"] == f"sha-256=:{encoded_digest}:"


async def test_download_in_a_format_resumes(bought: Bought) -> None:
    address = bought.tracks["Departure"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        whole, etag = await response.read(), response.headers["ETag"]
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == whole[1000:]


@pytest.mark.parametrize("has_own_folder", [True, False])
async def test_download_resumes_on_another_replica(
    bought: Bought,
    start_store: StartStore,
    settings: Settings,
    encoded: EncodedLibrary,
    tmp_path: Path,
    *,
    has_own_folder: bool,
) -> None:
    """Replicas that encode for themselves have the same bytes."""
    folder = encoded.encodings
    if has_own_folder:
        folder = tmp_path / "own"
        data = tmp_path / "data of its own"
        await replace(encoded, data=data, encodings=folder).encode_all()
    other = await start_store(
        settings.model_copy(
            update={
                "data": tmp_path / "other",
                "library": encoded.root,
                "encodings": folder,
                "encode_jobs": 0,
            }
        )
    )
    for path in (bought.tracks["Departure"], bought.album):
        address = f"{path}?as=mp3-v0"
        async with bought.store.get(address) as response:
            whole, etag = await response.read(), response.headers["ETag"]
        headers = {"Range": "bytes=1000-", "If-Range": etag}
        async with other.get(address, headers=headers) as response:
            assert response.status == 206
            assert await response.read() == whole[1000:]


async def test_resume_in_another_format_starts_again(bought: Bought) -> None:
    """Two formats are never mixed, though their link is the same."""
    path = bought.tracks["Departure"]
    async with bought.store.get(f"{path}?as=mp3-v0") as response:
        await response.read()
        etag = response.headers["ETag"]
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(path, headers=headers) as response:
        assert response.status == 200
        assert (await response.read()).startswith(b"fLaC")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("opus-128", 404, "unknown_format"),
        ("mp3", 404, "unknown_format"),
        ("", 404, "unknown_format"),
        ("../../nonce", 404, "unknown_format"),
        ("x" * 5000, 404, "unknown_format"),
    ],
)
async def test_unknown_format_is_an_error(
    bought: Bought, name: str, status: int, code: str
) -> None:
    for path in (bought.tracks["Departure"], bought.album):
        async with bought.store.get(
            path, params={"as": name}, headers=JSON
        ) as response:
            assert response.status == status
            data = await response.json()
            assert data["error"] == code
            assert len(data["format"]) <= 32


async def test_format_that_is_not_ready_is_a_conflict(
    bought: Bought, tmp_path: Path
) -> None:
    assert bought.store.app is not None
    store = bought.store.app[STORE]
    store.encodings.store.folder = tmp_path / "empty"
    await asyncio.to_thread(store.encodings.store.load)
    for path in (bought.tracks["Departure"], bought.album):
        async with bought.store.get(
            f"{path}?as=mp3-v0", headers=JSON
        ) as response:
            assert response.status == 409
            assert (await response.json())["error"] == "format_not_ready"
            assert int(response.headers["Retry-After"]) > 0
        async with bought.store.get(path) as response:
            assert response.status == 200


async def test_zip_has_each_track_in_the_format_and_other_files(
    bought: Bought,
) -> None:
    async with bought.store.get(f"{bought.album}?as=mp3-v0") as response:
        assert response.status == 200
        data = await response.read()
        assert int(response.headers["Content-Length"]) == len(data)
        etag = response.headers["ETag"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = [each.rpartition("/")[2] for each in archive.namelist()]
    assert names[:3] == [
        "01 The Wet Coats - Departure.mp3",
        "02 The Wet Coats - Wrong Stop.mp3",
        "Lyrics.pdf",
    ]
    async with bought.store.get(bought.album) as response:
        assert response.headers["ETag"] != etag
    headers = {"Range": f"bytes={len(data) - 500}-", "If-Range": etag}
    async with bought.store.get(
        f"{bought.album}?as=mp3-v0", headers=headers
    ) as response:
        assert response.status == 206
        assert await response.read() == data[-500:]


async def test_zip_in_a_format_keeps_tracks_that_are_in_it(
    bought: Bought,
) -> None:
    async with bought.store.get(f"{bought.album}?as=flac") as response:
        data = await response.read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [each.rpartition(".")[2] for each in archive.namelist()]
    assert names[:3] == ["flac", "flac", "pdf"]


async def test_expired_link_resumes_in_its_format_only(
    bought: Bought, clock: Clock
) -> None:
    address = bought.tracks["Departure"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        whole, etag = await response.read(), response.headers["ETag"]
    clock.now += 25 * 3600
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == whole[1000:]
    for other in ("original", "opus-128"):
        async with bought.store.get(
            f"{bought.tracks['Departure']}?as={other}",
            headers={**headers, **JSON},
        ) as response:
            assert response.status == 410


async def test_changed_encoding_is_not_sent(
    bought: Bought, encoded: EncodedLibrary
) -> None:
    """Its bytes are checked as the library's are."""
    address = bought.tracks["Wrong Stop"] + "?as=mp3-v0"
    async with bought.store.get(address) as response:
        data = await response.read()
    path = next(
        path
        for path in encoded.encodings.glob("*.mp3")
        if path.read_bytes() == data
    )
    path.write_bytes(bytes(len(data)))
    try:
        # The cache of small responses has it for a second.
        headers = {**JSON, "Range": "bytes=0-"}
        async with bought.store.get(address, headers=headers) as response:
            assert response.status == 503
    finally:
        path.write_bytes(data)
    async with bought.store.get(address, headers=headers) as response:
        assert response.status == 206
        assert await response.read() == data


async def test_metrics_state_the_progress(bought: Bought) -> None:
    assert bought.store.app is not None
    progress = bought.store.app[STORE].encodings.progress
    await wait_until(lambda: progress.status.wanted)
    async with bought.store.get("/-/metrics") as response:
        text = await response.text()
    assert "msrv_encodings_wanted 3.0" in text
    assert "msrv_encodings_ready 3.0" in text
    assert "msrv_encodings_made_total 0.0" in text


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


async def test_release_states_its_formats_and_sound_before_buying(
    bought: Bought,
) -> None:
    path = f"/catalog/{bought.release}"
    page = await (await bought.store.get(path)).text()
    assert "FLAC (original), WAV (original), FLAC, MP3 V0" in page
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
