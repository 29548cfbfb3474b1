# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits on a release's page and in its JSON."""

from pathlib import Path
from typing import Any

import pytest
from mutagen import id3
from mutagen.wave import WAVE

from msrv.catalog.library.file_index import FILE_NAME
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}
FRAMES: Any = id3
HOSTILE = "</p></details><script>alert(1)</script>\n<b onclick=x>"
ARABIC = "\u0645\u0631\u062d\u0628\u0627"


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store with lyrics in a tag and in a file, and two kinds of credits."""
    album = library / "Night Bus"
    sound: Any = WAVE(album / "01 Departure.wav")  # type: ignore[no-untyped-call] # mutagen's own
    sound.add_tags()
    for frame in (
        FRAMES.USLT(encoding=3, lang="ara", desc="", text=f"{ARABIC}\n\nb"),
        FRAMES.TCOM(encoding=3, text=["Ann Ito", "Bob <i>"]),
    ):
        sound.tags.add(frame)
    sound.save()
    (album / "02 Wrong Stop.lrc").write_text(
        f"[00:01.00]{HOSTILE}", encoding="utf-8"
    )
    config = album / "release.toml"
    text = config.read_text("utf-8")
    config.write_text(f'credits = "By *Cleo*"\n{text}', encoding="utf-8")
    return await start_store(settings)


async def test_page_has_lyrics_and_credits(store: Client) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert 'dir="auto" lang="ar">' in page.partition('<div class="lyrics" ')[2]
    assert f"<p>{ARABIC}</p>" in page
    assert "<dt>Music</dt><dd" in page
    assert "Ann Ito, Bob &lt;i&gt;" in page
    assert "By <em>Cleo</em>" in page
    assert page.index("Departure</bdi>") < page.index("Wrong Stop</bdi>")


@pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "JSON"])
async def test_page_without_its_lyrics_is_not_cached(
    store: Client, settings: Settings, headers: dict[str, str]
) -> None:
    index = settings.data / FILE_NAME
    pages = store.app[STORE].public_pages
    for carts in ({}, {"Cookie": "cart=umbrella"}):
        hidden = index.rename(index.with_suffix(".hidden"))
        answer = await store.get(
            "/catalog/night-bus", headers={**headers, **carts}
        )
        assert answer.status == 200
        assert "Ann Ito" not in await answer.text()
        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert len(pages) == 0
        hidden.rename(index)
    again = await store.get("/catalog/night-bus", headers=headers)
    assert "Ann Ito" in await again.text()
    assert len(pages) > 0


async def test_lyrics_are_text(store: Client) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<b onclick" not in page
    assert '<span data-start="1.0">&lt;/p&gt;' in page
    for tag in ("details", "section", "div", "dl", "p"):
        assert page.count(f"<{tag}>") + page.count(f"<{tag} ") == page.count(
            f"</{tag}>"
        )


async def test_json_has_lyrics_and_credits(store: Client) -> None:
    found = await (await store.get("/catalog/night-bus", headers=JSON)).json()
    departure, stop, book = found["items"]
    assert departure["lyrics"] == f"{ARABIC}\n\nb"
    assert departure["lyrics_language"] == "ar"
    assert departure["credits"] == [
        {"role": "composer", "name": "Ann Ito"},
        {"role": "composer", "name": "Bob <i>"},
    ]
    assert "<script>" in stop["lyrics"]
    assert stop["lyrics_times"] == [1.0, None]
    assert departure["lyrics_times"] is None
    assert (book["lyrics"], book["credits"]) == (None, [])
    assert found["credits"] == "By *Cleo*"


async def test_release_without_texts_has_no_section(store: Client) -> None:
    page = await (await store.get("/catalog/umbrella-single")).text()
    assert 'class="texts"' not in page
