# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits of a release: of its tracks' tags and of files."""

import io
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from mutagen import id3
from mutagen.wave import WAVE

from msrv.catalog.library.file_index import FILE_NAME, FileIndex
from msrv.catalog.library.scan import scan
from msrv.catalog.texts import release_texts
from msrv.catalog.texts.release_texts import (
    ReleaseTexts,
    Texts,
    TextsUnreadable,
)
from tests.catalog.temporary_library import (
    Library,
    items_by_name,
    problems,
    wav,
)

FRAMES: Any = id3
LYRICS = "from the tags"


def track(mark: int, text: str = LYRICS, composer: str = "Ann") -> bytes:
    """Return a WAV with lyrics and a composer in its tags."""
    data = io.BytesIO(wav(mark))
    sound: Any = WAVE(data)  # type: ignore[no-untyped-call] # mutagen's own
    sound.add_tags()
    sound.tags.add(FRAMES.USLT(encoding=3, lang="deu", desc="", text=text))
    sound.tags.add(FRAMES.TCOM(encoding=3, text=composer))
    data.seek(0)
    sound.save(data)
    return data.getvalue()


async def texts_of(library: Library) -> dict[str, list[str]]:
    """Return the lyrics of the only release, by file name."""
    release = library.only()
    found = await ReleaseTexts(library.data).of(release)
    return {
        name: list(found[item.item_id].lyrics.lines)
        for name, item in items_by_name(release).items()
        if item.item_id in found
    }


async def test_lyrics_are_those_of_the_tags(library: Library) -> None:
    library.release("A", {"01 A.wav": track(1, "one\ntwo")})
    assert await texts_of(library) == {"01 A.wav": ["one", "two"]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("01 a.LRC", "[00:01.00]beside\n[00:02.00]it"),
        ("01 A.txt", "\ufeffbeside\r\nit\r\n"),
    ],
)
async def test_file_beside_a_track_has_precedence(
    library: Library, name: str, text: str
) -> None:
    library.release("A", {"01 A.wav": track(1), name: text.encode()})
    release = library.only()
    assert [each.file_name for each in release.extras] == [name]
    texts = await ReleaseTexts(library.data).of(release)
    (found,) = texts.values()
    assert found.lyrics.lines == ("beside", "it")
    assert found.credits == (("composer", "Ann"),)


async def test_text_that_is_for_sale_is_not_shown(library: Library) -> None:
    toml = '[items."01 A.txt"]\nprice = "1.00"\n'
    files = {"01 A.txt": b"secret", "read me.txt": b"secret too"}
    library.release("A", files, toml)
    assert await texts_of(library) == {}
    names = {each.file_name for each in library.only().offered}
    assert names >= set(files)


async def test_wrong_lines_of_lrc_are_problems_of_that_file(
    library: Library,
) -> None:
    text = "[00:01.00]one\n[00:61.00]two\nthree\n" + "four\n" * 9
    library.release(
        "A",
        {"01 A.wav": track(1), "01 A.lrc": text.encode(), "b.lrc": b"[0:1"},
    )
    reading = library.read()
    found = problems(reading)
    assert found[:2] == [
        "A/01 A.lrc:2: has a time that isn't like [01:23.45]",
        "A/01 A.lrc:3: has no time such as [01:23.45]",
    ]
    assert len(found) == 5
    (release,) = reading.catalog.releases
    (texts,) = (await ReleaseTexts(library.data).of(release)).values()
    assert texts.lyrics.lines[:3] == ("one", "[00:61.00]two", "three")
    assert texts.lyrics.times[:3] == (100, None, None)


async def test_text_in_another_encoding_is_noted(library: Library) -> None:
    library.release(
        "A", {"01 A.txt": b"Gr\xfc\xdfe", "notes.txt": b"Gr\xfc\xdfe"}
    )
    reading = library.read()
    assert problems(reading) == []
    (note,) = (each for each in reading.notes if "UTF-8" in each)
    assert note.startswith("A/01 A.txt is not shown as lyrics")
    assert await texts_of(library) == {}


async def test_lyrics_follow_a_changed_file(library: Library) -> None:
    library.release("A", {"01 A.wav": track(1, "old")})
    assert await texts_of(library) == {"01 A.wav": ["old"]}
    library.put("A/01 A.wav", track(1, "newer"))
    assert await texts_of(library) == {"01 A.wav": ["newer"]}
    library.put("A/01 A.wav", wav(1))
    assert await texts_of(library) == {}
    (library.root / "A/02 B.wav").unlink()
    library.release("A", {"01 A.wav": track(1), "02 B.wav": track(2)})
    library.read()
    (library.root / "A/02 B.wav").unlink()
    library.read()
    with closing(sqlite3.connect(library.data / FILE_NAME)) as database:
        rows = database.execute("SELECT path FROM track_texts").fetchall()
    assert rows == [(b"A/01 A.wav",)]


async def test_lyrics_of_other_bytes_are_not_shown(library: Library) -> None:
    """The index may have read the next version of a file already."""
    library.release("A", {"01 A.wav": track(1, "old")})
    old = library.only()
    library.put("A/01 A.wav", track(1, "newer"))
    library.read()
    assert await ReleaseTexts(library.data).of(old) == {}


async def test_index_has_no_lyrics_in_memory(library: Library) -> None:
    library.release("A", {"01 A.wav": track(1, "a long text")})
    library.read()
    with FileIndex.open(library.data) as index:
        (folder,) = scan(library.root).folders
        known = index.find(folder.files[0])
        assert known is not None
        assert "long text" not in repr(known)


async def test_release_is_read_once(library: Library) -> None:
    library.release("A", {"01 A.wav": track(1)})
    release = library.only()
    reader = ReleaseTexts(library.data)
    first = await reader.of(release)
    assert await reader.of(release) is first


async def test_unreadable_index_is_logged_once(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.release("A", {"01 A.wav": track(1)})
    release = library.only()
    reader = ReleaseTexts(library.data / "missing")
    for _ in range(2):
        with pytest.raises(TextsUnreadable):
            await reader.of(release)
    assert len(caplog.records) == 1


async def test_page_is_bounded(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release(
        "A", {f"{n:02} T.wav": track(n, "x" * 100) for n in range(3, 9)}
    )
    release = library.only()

    async def count(name: str, limit: int) -> int:
        with monkeypatch.context() as patch:
            patch.setattr(release_texts, name, limit)
            found: Texts = await ReleaseTexts(library.data).of(release)
        return len(found)

    assert await count("MAX_TRACKS", 5) == 3
    assert await count("MAX_CHARS", 250) == 2
    assert await count("MAX_CHARS", 10_000) == 6
