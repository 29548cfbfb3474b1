# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags with several artists, and the less common tag formats."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.easymp4 import EasyMP4
from mutagen.flac import FLAC
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from msrv.catalog.metadata.mojibake import repair_encoding
from msrv.catalog.metadata.riff_info import read_riff_info
from msrv.catalog.metadata.tags import Tags, read_tags
from msrv.catalog.search import SearchIndex
from tests.catalog import sample_files
from tests.catalog.temporary_library import (
    WAV_SOUND,
    Library,
    tagged_wav,
    wav,
)

FRAMES: Any = id3


class Named(io.BytesIO):
    """Bytes with a name, like an open file."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """One file of every format, by its name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


def read(data: bytes, name: str) -> Tags:
    return read_tags(Named(data, name))


def saved(kind: Callable[..., Any], data: bytes, **tags: list[str]) -> bytes:
    """Write tags by mutagen's easy interface."""
    file = io.BytesIO(data)
    sound = kind(file)
    for name, values in tags.items():
        sound[name] = values
    file.seek(0)
    sound.save(file)
    return file.getvalue()


def untagged(data: bytes) -> bytes:
    """Remove the ID3v2 tag of an MP3."""
    file = io.BytesIO(data)
    tags: Any = FRAMES.ID3(file)
    file.seek(0)
    tags.delete(file)
    return file.getvalue()


def with_id3(data: bytes, *frames: object, v2_version: int = 4) -> bytes:
    file = io.BytesIO(untagged(data))
    tags: Any = FRAMES.ID3()
    for frame in frames:
        tags.add(frame)
    tags.save(file, v2_version=v2_version, v1=0)
    return file.getvalue()


def with_ape(data: bytes, **values: str | list[str]) -> bytes:
    file = io.BytesIO(data)
    tags: Any = APEv2()  # type: ignore[no-untyped-call] # mutagen's own
    for name, value in values.items():
        tags[name.replace("_", " ")] = value
    tags.save(file)
    return file.getvalue()


def id3v1(title: str, artist: str) -> bytes:
    fields = [title.encode().ljust(30, b"\0"), artist.encode()]
    return b"TAG" + b"".join(fields).ljust(125, b"\0")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("plain.flac", FLAC),
        ("vorbis.ogg", OggVorbis),
        ("plain.opus", OggOpus),
        ("index-last.m4a", EasyMP4),
    ],
)
def test_several_artists_are_joined(
    sounds: dict[str, bytes], name: str, kind: Callable[..., Any]
) -> None:
    data = saved(
        kind,
        sounds[name],
        artist=["Ann", "Bob", "Ann"],
        albumartist=["Ann", "Choir"],
        title=["Duet", "Other"],
    )
    tags = read(data, name)
    assert (tags.artist, tags.album_artist) == ("Ann, Bob", "Ann, Choir")
    assert tags.title == "Duet"


@pytest.mark.parametrize("version", [3, 4])
def test_several_artists_of_id3_are_joined(
    sounds: dict[str, bytes], version: int
) -> None:
    data = with_id3(
        sounds["cbr.mp3"],
        FRAMES.TPE1(encoding=3, text=["Ann", "Bob"]),
        FRAMES.TPE2(encoding=3, text=["Ann", "Choir"]),
        v2_version=version,
    )
    joined = {3: ("Ann/Bob", "Ann/Choir"), 4: ("Ann, Bob", "Ann, Choir")}
    tags = read(data, "a.mp3")
    assert (tags.artist, tags.album_artist) == joined[version]


def test_slash_in_a_name_is_kept(sounds: dict[str, bytes]) -> None:
    """Only ID3v2.3 separates names by `/`."""
    for version in (3, 4):
        frame = FRAMES.TPE1(encoding=1, text=["AC/DC"])
        data = with_id3(sounds["cbr.mp3"], frame, v2_version=version)
        assert read(data, "a.mp3").artist == "AC/DC"


def test_search_finds_every_artist(library: Library) -> None:
    library.put("R/a.wav", tagged_wav(title="Duet", artist="Ann\0Bob"))
    catalog = library.read().catalog
    (release,) = catalog.releases
    assert release.items[0].artist == "Ann, Bob"
    assert len(SearchIndex(catalog).search("bob")) == 1


def test_album_artist_key_of_foobar2000_is_read(
    sounds: dict[str, bytes],
) -> None:
    data = saved(FLAC, sounds["plain.flac"], **{"ALBUM ARTIST": ["Choir"]})
    assert read(data, "a.flac").album_artist == "Choir"


def test_mp3_with_only_apev2_is_read(sounds: dict[str, bytes]) -> None:
    data = with_ape(
        untagged(sounds["cbr.mp3"]),
        Title="Rain",
        Artist=["Ann", "Bob"],
        Album="Night Bus",
        Album_Artist="Choir",
        Year="2026-03-06",
        Track="2/9",
        Disc="1",
    )
    tags = read(data, "a.mp3")
    assert replace(tags, duration_seconds=None) == Tags(
        *("Rain", "Ann, Bob", "Choir", "Night Bus", "2026-03-06", 2, 1),
        codec="mp3",
        sample_rate_hz=tags.sample_rate_hz,
        channels=tags.channels,
    )
    assert tags.duration_seconds == pytest.approx(3, abs=0.1)


def test_apev2_fills_fields_that_id3_lacks(sounds: dict[str, bytes]) -> None:
    data = with_id3(
        sounds["cbr.mp3"], FRAMES.TIT2(encoding=3, text=["By ID3"])
    )
    tags = read(with_ape(data, Title="By APE", Album="APE"), "a.mp3")
    assert (tags.title, tags.album) == ("By ID3", "APE")


def test_id3v1_has_the_lowest_precedence(sounds: dict[str, bytes]) -> None:
    long = "A title of more than thirty letters"
    data = with_ape(untagged(sounds["cbr.mp3"]), Title=long)
    old = id3v1(long[:30], "Old Band")
    tags = read(data + old, "a.mp3")
    assert (tags.title, tags.artist) == (long, "Old Band")
    assert read(untagged(sounds["cbr.mp3"]) + old, "a.mp3").title == long[:30]


def info(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WAV with a LIST of INFO before its sound."""
    body = b"INFO"
    for name, text in chunks:
        size = len(text) + 1
        body += name + size.to_bytes(4, "little") + text
        body += b"\0" * (1 + size % 2)
    chunk = b"LIST" + len(body).to_bytes(4, "little") + body
    data = wav()
    data = data[:12] + chunk + data[12:]
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def test_info_of_a_wav_is_read() -> None:
    data = info(
        (b"INAM", b"Rain"),
        (b"IART", "Björk".encode()),
        (b"IPRD", b"Night Bus"),
        (b"ICRD", b"2026-03-06"),
        (b"ITRK", b"2/9"),
        (b"ISFT", b"Lavf"),
    )
    assert read(data, "a.wav") == Tags(
        "Rain",
        "Björk",
        "",
        "Night Bus",
        "2026-03-06",
        2,
        None,
        0.5,
        **WAV_SOUND,
    )


def test_info_of_a_wav_may_be_in_windows_1252() -> None:
    assert read(info((b"IART", b"Bj\xf6rk")), "a.wav").artist == "Björk"


def test_id3_in_a_wav_has_precedence_over_info() -> None:
    data = info((b"INAM", b"Take 3"), (b"IPRD", b"Night Bus"))
    file = io.BytesIO(data)
    from mutagen.wave import WAVE  # noqa: PLC0415

    sound: Any = WAVE(file)  # type: ignore[no-untyped-call] # mutagen's own
    sound.add_tags()
    sound.tags.add(FRAMES.TIT2(encoding=3, text="Rain"))
    file.seek(0)
    sound.save(file)
    tags = read(file.getvalue(), "a.wav")
    assert (tags.title, tags.album) == ("Rain", "Night Bus")


def test_nested_info_lists_are_bounded() -> None:
    body = b"INFO" + b"INAM\xff\xff\xff\xff" * 1000
    data = b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\x10\0\0\0" + body
    assert set(read_riff_info(io.BytesIO(data))) <= {"title"}


@pytest.mark.parametrize(
    ("said", "charset"),
    [
        (["夜のバス"], "shift_jis"),
        (["カナ", "東京"], "shift_jis"),
        (["Кино", "Группа крови"], "windows-1251"),
        (["ДДТ", "Что такое осень"], "windows-1251"),
        (["Мумий Тролль - Утекай (Live)"], "windows-1251"),
        (["Björk"], "utf-8"),
        (["夜"], "utf-8"),
        (["Sigur Rós", "Ágætis byrjun"], "utf-8"),
        (["Don\u2019t Go \u2013 Live", "Björk"], "windows-1252"),
        (["\u201aÄlter\u2018", "\u201eÜber\u201c"], "windows-1252"),
        (["Œuvre au noir", "Žižek"], "windows-1252"),
    ],
)
def test_tags_wrongly_marked_latin_1_are_decoded(
    said: list[str], charset: str
) -> None:
    called = [text.encode(charset).decode("latin-1") for text in said]
    assert repair_encoding(called) == said


@pytest.mark.parametrize(
    "said",
    [
        ["Björk", "Début"],
        ["Motörhead"],
        ["Été"],
        ["à la carte"],
        ["Ñ"],
        ["ÀÉÈ"],
        ["Sigur Rós", "Ágætis byrjun"],
        ["Æther"],
        ["½ ± 2", "© 1997"],
        ["Plain"],
        [],
        # Of character sets that could be others: they stay as they are.
        ["שלום עולם".encode("windows-1255").decode("latin-1")],
        ["Καλημέρα Κόσμε".encode("windows-1253").decode("latin-1")],
        ["ΑΓΑΠΗ".encode("windows-1253").decode("latin-1")],
        ["周杰伦".encode("gbk").decode("latin-1")],
        ["사랑해요".encode("euc-kr").decode("latin-1")],
        ["žluťoučký kůň".encode("windows-1250").decode("latin-1")],
        ["漢字"],
    ],
)
def test_latin_1_tags_are_unchanged(said: list[str]) -> None:
    assert repair_encoding(said) == said


def test_encoding_is_guessed_from_all_frames_together(
    sounds: dict[str, bytes],
) -> None:
    def called(text: str) -> str:
        return text.encode("windows-1251").decode("latin-1")

    data = with_id3(
        sounds["cbr.mp3"],
        FRAMES.TIT2(encoding=0, text=[called("Группа крови")]),
        FRAMES.TPE1(encoding=0, text=[called("Кино"), called("Цой")]),
        FRAMES.TALB(encoding=3, text=["Ünïcode"]),
        FRAMES.TXXX(encoding=0, desc="a", text=["b"]),
    )
    tags = read(data, "a.mp3")
    assert (tags.title, tags.artist) == ("Группа крови", "Кино, Цой")
    assert tags.album == "Ünïcode"
