# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What encodings have of their master's own tags, as mutagen reads it."""

import subprocess
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import id3 as mutagen_id3
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.mp4 import MP4

from msrv.catalog.encodings import tag_writer
from msrv.catalog.encodings.recipes import RECIPES
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.metadata.tags import read_tags
from tests.catalog.encodings.masters import write_track

id3: Any = mutagen_id3
_SEVERAL = {"composer": ["Ana Uno", "Ben Dos"], "genre": ["Rock", "Dub"]}
_LYRICS = "Слова песни про любовь"
_FORMATS = {"id3": "mp3-v0", "mp4": "aac-256", "vorbis": "flac"}


def copied(path: Path) -> dict[str, list[str]]:
    with path.open("rb") as file:
        return tag_writer.read_copied_tags(file)


def mislabelled(text: str) -> str:
    """Return a text as a program that writes Windows-1251 labels it."""
    return text.encode("windows-1251").decode("latin-1")


def frames(path: Path, *added: Any) -> None:  # noqa: ANN401 - mutagen's
    """Replace the ID3 tags of an AIFF."""
    sound: Any = AIFF(path)  # type: ignore[no-untyped-call] # theirs
    sound.add_tags() if sound.tags is None else sound.tags.clear()
    for each in added:
        sound.tags.add(each)
    sound.save()


def test_all_composers_and_genres_of_a_flac_are_copied(
    ffmpeg: str, tmp_path: Path
) -> None:
    path = write_track(ffmpeg, tmp_path / "a.flac")
    sound: Any = FLAC(path)  # type: ignore[no-untyped-call] # theirs
    sound.update({**_SEVERAL, "isrc": ["DEXX12400001", "DEXX12400002"]})
    sound.save()
    assert copied(path) == {**_SEVERAL, "isrc": ["DEXX12400001"]}


def test_values_of_id3_are_not_glued_together(
    ffmpeg: str, tmp_path: Path
) -> None:
    path = write_track(ffmpeg, tmp_path / "a.aiff")
    frames(
        path,
        id3.TCOM(encoding=1, text=_SEVERAL["composer"]),
        id3.TCON(encoding=0, text=["(17)", "Dub"]),
    )
    assert copied(path) == _SEVERAL


def test_atoms_of_mp4_are_copied(ffmpeg: str, tmp_path: Path) -> None:
    path = write_track(ffmpeg, tmp_path / "a.m4a")
    sound: Any = MP4(path)  # type: ignore[no-untyped-call] # theirs
    sound["\xa9wrt"], sound["\xa9gen"] = _SEVERAL.values()
    sound["----:com.apple.iTunes:ISRC"] = [b"DEXX12400001"]
    sound.save()
    assert copied(path) == {**_SEVERAL, "isrc": ["DEXX12400001"]}


def test_mislabelled_frames_are_repaired_as_the_title_is(
    ffmpeg: str, tmp_path: Path
) -> None:
    path = write_track(ffmpeg, tmp_path / "a.aiff")
    title, label = "Музыка Света", "Музыка"
    frames(
        path,
        id3.TIT2(encoding=0, text=[mislabelled(title)]),
        id3.TCOP(encoding=0, text=[mislabelled(label)]),
        id3.TCOM(encoding=3, text=["Zoë"]),
        id3.USLT(encoding=0, lang="rus", desc="", text=mislabelled(_LYRICS)),
    )
    assert copied(path) == {
        "copyright": [label],
        "composer": ["Zoë"],
        "lyrics": [_LYRICS],
    }
    with path.open("rb") as file:
        assert read_tags(file).title == title


def test_info_chunk_of_a_wav_fills_what_its_tags_lack(
    ffmpeg: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    stated = ("genre=Techno", "copyright=2026 Label")
    subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i"),
            "sine=d=1",
            *(each for text in stated for each in ("-metadata", text)),
            str(path),
        ),
        check=True,
        timeout=60,
    )
    expected = {"genre": ["Techno"], "copyright": ["2026 Label"]}
    assert copied(path) == expected
    sound: Any = mutagen.File(path)
    sound.add_tags()
    sound.tags.add(id3.TCON(encoding=3, text=["Rain"]))
    sound.save()
    assert copied(path) == {**expected, "genre": ["Rain"]}


@pytest.mark.parametrize("kind", _FORMATS)
def test_several_values_are_written_as_several(
    ffmpeg: str, tmp_path: Path, kind: str
) -> None:
    suffix = RECIPES[_FORMATS[kind]].suffix
    path = write_track(ffmpeg, tmp_path / f"a{suffix}")
    with path.open("r+b") as file:
        tag_writer.write_tags(file, kind, TrackTags("Title"), _SEVERAL, b"")
    assert copied(path) == _SEVERAL
