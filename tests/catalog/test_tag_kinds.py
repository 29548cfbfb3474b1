"""Several artists, and tags of the less usual kinds."""

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
from tests.catalog.temporary_library import Library, tagged, wav

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
    """A sound of every kind, by its name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


def read(data: bytes, name: str) -> Tags:
    return read_tags(Named(data, name))


def saved(kind: Callable[..., Any], data: bytes, **tags: list[str]) -> bytes:
    """Write tags of mutagen's easy kinds."""
    file = io.BytesIO(data)
    sound = kind(file)
    for name, values in tags.items():
        sound[name] = values
    file.seek(0)
    sound.save(file)
    return file.getvalue()


def untagged(data: bytes) -> bytes:
    """Take the ID3v2 tag off an MP3."""
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
    """Or the second artist of a duet would not be credited."""
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
    """Or the second artist of a duet would not be credited."""
    data = with_id3(
        sounds["cbr.mp3"],
        FRAMES.TPE1(encoding=3, text=["Ann", "Bob"]),
        FRAMES.TPE2(encoding=3, text=["Ann", "Choir"]),
        v2_version=version,
    )
    joined = {3: ("Ann/Bob", "Ann/Choir"), 4: ("Ann, Bob", "Ann, Choir")}
    tags = read(data, "a.mp3")
    assert (tags.artist, tags.album_artist) == joined[version]


def test_a_stroke_in_a_name_stays(sounds: dict[str, bytes]) -> None:
    """Or a band would be torn apart: `/` divides names in ID3v2.3 alone."""
    for version in (3, 4):
        frame = FRAMES.TPE1(encoding=1, text=["AC/DC"])
        data = with_id3(sounds["cbr.mp3"], frame, v2_version=version)
        assert read(data, "a.mp3").artist == "AC/DC"


def test_every_artist_is_found_and_named(shelf: Library) -> None:
    """Or who looks for the second one would find nothing."""
    shelf.put("R/a.wav", tagged(title="Duet", artist="Ann\0Bob"))
    catalog = shelf.read().catalog
    (release,) = catalog.releases
    assert release.items[0].artist == "Ann, Bob"
    assert len(SearchIndex(catalog).search("bob")) == 1


def test_album_artists_with_a_blank_are_read(
    sounds: dict[str, bytes],
) -> None:
    """Or a record as foobar2000 tags it would be by various artists."""
    data = saved(FLAC, sounds["plain.flac"], **{"ALBUM ARTIST": ["Choir"]})
    assert read(data, "a.flac").album_artist == "Choir"


def test_an_mp3_with_apev2_alone_is_read(sounds: dict[str, bytes]) -> None:
    """Or an MP3 of older programs would be sold by its name."""
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
        "Rain", "Ann, Bob", "Choir", "Night Bus", "2026-03-06", 2, 1
    )
    assert tags.duration_seconds == pytest.approx(3, abs=0.1)


def test_apev2_fills_what_id3_leaves_open(sounds: dict[str, bytes]) -> None:
    """Or the better tag would hide what only the other says."""
    data = with_id3(
        sounds["cbr.mp3"], FRAMES.TIT2(encoding=3, text=["By ID3"])
    )
    tags = read(with_ape(data, Title="By APE", Album="APE"), "a.mp3")
    assert (tags.title, tags.album) == ("By ID3", "APE")


def test_id3v1_is_the_last_to_be_asked(sounds: dict[str, bytes]) -> None:
    """Or a title would be cut after 30 letters where it stands whole."""
    long = "A title of more than thirty letters"
    data = with_ape(untagged(sounds["cbr.mp3"]), Title=long)
    old = id3v1(long[:30], "Old Band")
    tags = read(data + old, "a.mp3")
    assert (tags.title, tags.artist) == (long, "Old Band")
    assert read(untagged(sounds["cbr.mp3"]) + old, "a.mp3").title == long[:30]


def info(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WAV with a LIST of INFO in front of its sound."""
    body = b"INFO"
    for name, text in chunks:
        size = len(text) + 1
        body += name + size.to_bytes(4, "little") + text
        body += b"\0" * (1 + size % 2)
    chunk = b"LIST" + len(body).to_bytes(4, "little") + body
    data = wav()
    data = data[:12] + chunk + data[12:]
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def test_the_info_of_a_wav_is_read() -> None:
    """Or what Windows and recorders write would not be seen."""
    data = info(
        (b"INAM", b"Rain"),
        (b"IART", "Björk".encode()),
        (b"IPRD", b"Night Bus"),
        (b"ICRD", b"2026-03-06"),
        (b"ITRK", b"2/9"),
        (b"ISFT", b"Lavf"),
    )
    assert read(data, "a.wav") == Tags(
        "Rain", "Björk", "", "Night Bus", "2026-03-06", 2, None, 0.5
    )


def test_the_info_of_a_wav_may_be_of_windows() -> None:
    """Or names with accents would hold signs that nobody can read."""
    assert read(info((b"IART", b"Bj\xf6rk")), "a.wav").artist == "Björk"


def test_id3_in_a_wav_goes_before_its_info() -> None:
    """Or a retagged WAV would keep its recorder's title."""
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


def test_hostile_info_ends() -> None:
    """Or a list of lists could hold up the reading."""
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
    ],
)
def test_what_is_no_latin_1_is_read_as_what_it_is(
    said: list[str], charset: str
) -> None:
    """Or a title would be signs that nobody can read."""
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
        # Quotation marks as Windows writes them.
        ["\x82Älter\x91", "\x84Über\x93"],
        ["It\x92s caf\xe9"],
        ["漢字"],
    ],
)
def test_latin_1_stays_latin_1(said: list[str]) -> None:
    """Or a right name would be turned into a wrong one."""
    assert repair_encoding(said) == said


def test_frames_of_a_file_are_read_together(
    sounds: dict[str, bytes],
) -> None:
    """Or a short artist would stay unreadable beside a long title."""

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
