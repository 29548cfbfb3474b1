# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags and durations of audio files."""

import io
import os
import subprocess
import sys
from pathlib import Path

import mutagen
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.mp4 import MP4

from msrv.catalog.metadata.tags import NotAudio, Tags, merge_tags, read_tags
from msrv.catalog.names.media_types import AUDIO_TYPES
from tests.catalog.temporary_library import WAV_SOUND, tagged_wav, wav

TAGS = {
    "title": "Wrong Stop",
    "artist": "The Wet Coats",
    "album": "Night Bus",
    "album_artist": "Various",
    "track": "2/9",
    "disc": "1/2",
    "date": "2026-03-06",
    "genre": "Dub; Jungle",
}
FORMATS = {
    ".mp3": "libmp3lame",
    ".flac": "flac",
    ".ogg": "libvorbis",
    ".oga": "flac",
    ".opus": "libopus",
    ".m4a": "aac",
    ".aiff": "pcm_s16be",
    ".wav": "pcm_s16le",
}


class Named(io.BytesIO):
    """Bytes with a name, like an open file."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A second of audio in every format, with tags."""
    folder = tmp_path_factory.mktemp("sounds")
    found = {}
    for suffix, codec in FORMATS.items():
        path = folder / f"sound{suffix}"
        command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=1"]
        for name, text in TAGS.items():
            command += ["-metadata", f"{name}={text}"]
        if suffix == ".aiff":
            command += ["-write_id3v2", "1"]
        subprocess.run([*command, "-c:a", codec, str(path)], check=True)
        found[suffix] = path
    return found


@pytest.mark.parametrize("suffix", FORMATS)
def test_tags_are_read_from_every_track_format(
    sounds: dict[str, Path], suffix: str
) -> None:
    with sounds[suffix].open("rb") as file:
        tags = read_tags(file)
    assert tags.duration_seconds == pytest.approx(1, abs=0.1)
    if suffix == ".wav":
        return  # ffmpeg writes no ID3 there; the next test has some
    assert (tags.title, tags.artist) == ("Wrong Stop", "The Wet Coats")
    assert (tags.album, tags.album_artist) == ("Night Bus", "Various")
    assert (tags.number, tags.disc) == (2, 1)
    assert tags.date.startswith("2026")
    assert tags.genres == ("Dub", "Jungle")


def test_every_track_suffix_is_tested() -> None:
    assert {*FORMATS, ".aif"} == set(AUDIO_TYPES)


def test_tags_of_wav_are_read() -> None:
    data = tagged_wav(
        title="A\nB",
        artist="C",
        album="D",
        album_artist="E",
        number="03/12",
        disc="2",
        date="2026-03",
    )
    assert read_tags(Named(data, "a.wav")) == Tags(
        "A B", "C", "E", "D", "2026-03", 3, 2, 0.5, **WAV_SOUND
    )


def test_genre_that_is_a_number_is_resolved() -> None:
    """ID3 has a table of them, which old taggers refer to."""
    tags = read_tags(Named(tagged_wav(genre="(17)"), "a.wav"))
    assert tags.genres == ("Rock",)


def test_free_form_key_of_mp4_is_text(sounds: dict[str, Path]) -> None:
    data = Named(sounds[".m4a"].read_bytes(), "a.m4a")
    sound = MP4(data)  # type: ignore[no-untyped-call] # mutagen's own
    sound["----:com.apple.iTunes:initialkey"] = [b"Am"]
    sound["tmpo"] = [174]
    data.seek(0)
    sound.save(data)  # type: ignore[no-untyped-call] # mutagen's own
    data.seek(0)
    tags = read_tags(data)
    assert (tags.key, tags.tempo) == ("Am", 174)


def test_unknown_duration_of_mp4_is_none(sounds: dict[str, Path]) -> None:
    """It is the highest number that the header has room for."""
    data = bytearray(sounds[".m4a"].read_bytes())
    at = data.index(b"mdhd") + 4
    assert data[at] == 0
    data[at + 12 : at + 20] = (1000).to_bytes(4) + b"\xff" * 4
    tags = read_tags(Named(bytes(data), "a.m4a"))
    assert (tags.duration_seconds, tags.artist) == (None, "The Wet Coats")
    indexed = {**tags.to_facts(), "duration_seconds": 1.8e16}
    assert Tags.from_facts(indexed) == tags


@pytest.mark.parametrize(
    ("tempo", "read"),
    [
        ("120", 120),
        ("120.7", 120),
        ("0", None),
        ("fast", None),
        ("9999", None),
    ],
)
def test_invalid_tempo_is_none(tempo: str, read: int | None) -> None:
    tags = read_tags(Named(tagged_wav(tempo=tempo), "a.wav"))
    assert tags.tempo == read


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("1", 1),
        ("01/12", 1),
        (" 7 ", 7),
        ("0", None),
        ("A1", None),
        ("-1", None),
        ("99999", None),
        ("", None),
        ("\N{ARABIC-INDIC DIGIT ONE}", None),
    ],
)
def test_invalid_track_number_is_none(number: str, read: int | None) -> None:
    tags = read_tags(Named(tagged_wav(number=number), "a.wav"))
    assert tags.number == read


@pytest.mark.parametrize(
    ("stated", "gain"),
    [
        ({"REPLAYGAIN_TRACK_GAIN": "-6.20 dB"}, -6.2),
        ({"REPLAYGAIN_TRACK_GAIN": "+3,5dB"}, 3.5),
        ({"REPLAYGAIN_TRACK_GAIN": "0"}, 0),
        ({"REPLAYGAIN_TRACK_GAIN": "-7.5"}, -7.5),
        ({"REPLAYGAIN_TRACK_GAIN": "99 dB"}, None),
        ({"REPLAYGAIN_TRACK_GAIN": "-1024"}, None),
        ({"REPLAYGAIN_TRACK_GAIN": "loud"}, None),
        ({"R128_TRACK_GAIN": "0"}, 5),
        ({"R128_TRACK_GAIN": "-1024"}, 1),
        ({"R128_TRACK_GAIN": "-2.5"}, None),
        ({"R128_TRACK_GAIN": "0", "REPLAYGAIN_TRACK_GAIN": "-3"}, -3),
        ({"R128_TRACK_GAIN": "0", "REPLAYGAIN_TRACK_GAIN": "loud"}, 5),
    ],
    ids=str,
)
def test_unit_of_a_gain_is_that_of_its_key(
    sounds: dict[str, Path],
    tmp_path: Path,
    stated: dict[str, str],
    gain: float | None,
) -> None:
    path = tmp_path / "gain.opus"
    path.write_bytes(sounds[".opus"].read_bytes())
    tagged = mutagen.File(path)
    tagged.update({**stated, "R128_ALBUM_GAIN": "256"})
    tagged.save()
    with path.open("rb") as file:
        tags = read_tags(file)
    assert (tags.track_gain_db, tags.album_gain_db) == (gain, 6)


def test_untagged_file_has_empty_tags() -> None:
    assert read_tags(Named(wav(), "a.wav")) == Tags(
        duration_seconds=0.5, **WAV_SOUND
    )


def test_title_is_truncated_and_cleaned() -> None:
    data = tagged_wav(title="\u202e" + "a" * 5000)
    assert read_tags(Named(data, "a.wav")).title == "a" * 200


@pytest.mark.parametrize("suffix", AUDIO_TYPES)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"words, and no sound at all\n" * 400,
        b"\0" * 10_000,
        b"\xff\xd8\xff\xe0" + b"JFIF" * 500,
        b"%PDF-1.4" + b"x" * 1000,
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF\0\0\0\0AVI ",
        b"fLaC\xff\xff\xff\xff",
        b"OggS\0\x02" + b"\0" * 30,
        b"FORM\0\0\0\x04AIFF",
        b"\0\0\0\x20ftypM4A " + b"\0" * 20,
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
        b"\0\0\0\x08moov" * 2000,
    ],
    ids=lambda data: repr(data[:8]) if isinstance(data, bytes) else data,
)
def test_file_without_audio_is_refused(suffix: str, data: bytes) -> None:
    with pytest.raises(NotAudio):
        read_tags(Named(data, f"a{suffix}"))


def test_length_of_less_than_half_a_millisecond_is_unknown() -> None:
    tags = merge_tags([], 0.0004)
    assert tags.duration_seconds is None
    assert Tags.from_facts(tags.to_facts()) == tags


@settings(max_examples=60)
@given(st.data(), st.sampled_from(sorted(AUDIO_TYPES)))
def test_arbitrary_bytes_raise_only_not_audio(
    draw: st.DataObject, suffix: str
) -> None:
    data = bytearray(tagged_wav(title="A", number="1"))
    for _ in range(draw.draw(st.integers(1, 8))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    end = draw.draw(st.integers(0, len(data)))
    try:
        tags = read_tags(Named(bytes(data[:end]), f"a{suffix}"))
    except NotAudio:
        return
    assert "\n" not in tags.title
    assert Tags.from_facts(tags.to_facts()) == tags


def test_error_inside_mutagen_is_not_audio(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def fail(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(mutagen, "File", fail)
    with pytest.raises(NotAudio):
        read_tags(Named(wav(), "a.wav"))


def test_mutagen_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, msrv.catalog.live_catalog as l; assert 'mutagen' not in"
        " sys.modules and 'PIL' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=Path(__file__).parents[3],
        env={"PATH": os.environ["PATH"]},
    )
