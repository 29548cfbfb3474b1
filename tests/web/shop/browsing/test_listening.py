# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What can be listened to: a clip, all of a track, or nothing."""

import html
import re
import subprocess
from pathlib import Path

import pytest

from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.polling import wait_until
from tests.wav_files import write_wav

pytestmark = pytest.mark.ffmpeg
JSON = {"Accept": "application/json"}
SECONDS = 20


@pytest.fixture
def library(library: Path, ffmpeg: str) -> Path:
    """The small library, with one more release of three tracks."""
    assert ffmpeg
    folder = library / "Long"
    folder.mkdir()
    for number, name in enumerate(("Whole", "Part", "Silent"), 1):
        write_wav(folder / f"{number:02d} {name}.wav", seconds=SECONDS)
    (folder / "release.toml").write_text(
        'id = "long"\nlisten = "full"\n'
        '[items."02 Part.wav"]\nlisten = "clip"\nclip = "0:03-0:08"\n'
        '[items."03 Silent.wav"]\nlisten = "none"\n'
    )
    return library


@pytest.fixture
async def listening_store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store that has encoded what can be listened to."""
    assert library
    store = await start_store(settings)

    async def is_whole() -> bool:
        return bool((await tracks(store))["Whole"]["preview_is_whole"])

    while not await is_whole():
        await wait_until(lambda: True)
    return store


async def tracks(store: Client) -> dict[str, dict[str, object]]:
    """Return the tracks of the release by title."""
    shown = await (await store.get("/catalog/long", headers=JSON)).json()
    return {each["title"]: each for each in shown["items"]}


def probe(data: bytes, path: Path, *entries: str) -> str:
    """Return what ffprobe shows of a sound."""
    path.write_bytes(data)
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", *entries, str(path)]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout


def length(data: bytes, path: Path) -> float:
    """Return the length of a sound in seconds."""
    return float(probe(data, path, "-show_entries", "format=duration"))


async def check_waveforms(
    store: Client, found: dict[str, dict[str, object]]
) -> None:
    """Check that a waveform is that of what can be heard."""
    pictures = {}
    for title in ("Whole", "Part"):
        path = str(found[title]["waveform"])
        assert path.startswith(f"/waveforms/{found[title]['item_id']}?v=")
        answer = await store.get(path)
        assert answer.content_type == "image/svg+xml"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Vary"] == "Accept-Encoding"
        pictures[title] = await answer.read()
        assert pictures[title].startswith(b"<svg ")
        # The same bytes each time, and none for who has them.
        unpacked = await store.get(path, headers={"Accept-Encoding": ""})
        assert await unpacked.read() == pictures[title]
        known = {"If-None-Match": answer.headers["ETag"]}
        assert (await store.get(path, headers=known)).status == 304
        stale = await store.get(path.partition("?")[0])
        assert stale.headers["Cache-Control"] == "no-cache"
    assert found["Silent"]["waveform"] is None
    page = html.unescape(await (await store.get("/catalog/long")).text())
    assert f'data-waveform="{found["Whole"]["waveform"]}"' in page
    for item in (found["Silent"]["item_id"], "lyrics", "night-bus", "x"):
        assert (await store.get(f"/waveforms/{item}")).status == 404


async def test_track_is_listened_to_as_its_seller_wants(
    listening_store: Client, tmp_path: Path
) -> None:
    store, found = listening_store, await tracks(listening_store)
    assert found["Silent"]["preview"] is None
    assert not found["Part"]["preview_is_whole"]
    answer = await store.get(str(found["Part"]["preview"]))
    assert answer.content_type == "audio/mpeg"
    clip = length(await answer.read(), tmp_path / "clip.mp3")
    assert clip == pytest.approx(5, abs=0.1)
    answer = await store.get(str(found["Whole"]["preview"]))
    assert answer.content_type == "audio/mp4"
    assert answer.headers["Content-Disposition"].startswith("inline")
    whole = await answer.read()
    assert length(whole, tmp_path / "a.m4a") == pytest.approx(20, abs=0.1)
    part = await store.get(
        str(found["Whole"]["preview"]), headers={"Range": "bytes=100-199"}
    )
    assert (part.status, await part.read()) == (206, whole[100:200])
    await check_waveforms(store, found)


async def test_page_names_a_smaller_stream_for_players_that_know_it(
    listening_store: Client, tmp_path: Path
) -> None:
    store = listening_store
    found = await tracks(store)

    async def page_with_opus() -> str:
        return await (await store.get("/catalog/long")).text()

    while "data-opus" not in (page := await page_with_opus()):
        await wait_until(lambda: True)
    (href,) = re.findall('data-opus="([^"]+)"', page)
    answer = await store.get(html.unescape(href))
    assert answer.content_type == "audio/ogg"
    assert "immutable" in answer.headers["Cache-Control"]
    data = await answer.read()
    assert length(data, tmp_path / "a.opus") == pytest.approx(20, abs=0.1)
    assert "Play Whole" in page
    assert "Play a preview of Part" in page
    item_id = found["Silent"]["item_id"]
    for path in (f"/previews/{item_id}", f"/previews/{item_id}?as=opus-96"):
        assert (await store.get(path)).status == 404
    # No format of a download, for nobody.
    item_id = found["Whole"]["item_id"]
    answer = await store.get(f"/previews/{item_id}?as=flac")
    assert answer.content_type == "audio/mp4"


async def test_stream_has_none_of_the_tags(
    listening_store: Client, tmp_path: Path
) -> None:
    found = await tracks(listening_store)
    answer = await listening_store.get(str(found["Whole"]["preview"]))
    tags = probe(
        await answer.read(),
        tmp_path / "a.m4a",
        "-show_entries",
        "format_tags=title,artist,album",
    )
    assert tags.strip() == ""
