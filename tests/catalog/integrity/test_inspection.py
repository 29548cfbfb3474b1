# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Completeness of files of any kind, by what they state themselves."""

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msrv.catalog.integrity.inspection import inspect_container
from tests.catalog import sample_files
from tests.catalog.integrity.container_checks import (
    cuts,
    inspect_bytes,
    missing,
)

SOUNDS = sorted(sample_files.SOUNDS)
FILMS = sorted(sample_files.FILMS)
# Cut among these bytes at its beginning, an MP3 has no frame that counts.
_MP3_BEGIN = 600


@pytest.mark.parametrize("name", SOUNDS)
def test_whole_audio_file_is_complete(
    sounds: dict[str, bytes], name: str
) -> None:
    found = inspect_bytes(sounds[name], name)
    assert found
    assert found.missing == ""
    assert found.duration_seconds == pytest.approx(
        1 if name == "odd.wav" else 3, abs=0.1
    )
    assert found.media_type.startswith("audio/")


@pytest.mark.parametrize("name", FILMS)
def test_whole_video_file_is_complete(
    films: dict[str, bytes], name: str
) -> None:
    assert missing(films[name], name) == ""


@pytest.mark.parametrize(
    "name", [name for name in SOUNDS if name != "id3v1.mp3"]
)
def test_truncated_audio_file_is_incomplete(
    sounds: dict[str, bytes], name: str
) -> None:
    """An audio file cut at any of these places is reported."""
    data = sounds[name]
    accepted = [at for at in cuts(len(data)) if not missing(data[:at], name)]
    assert accepted == []


@pytest.mark.parametrize("name", FILMS)
def test_truncated_video_file_is_incomplete(
    films: dict[str, bytes], name: str
) -> None:
    """A video file cut at any of these places is reported."""
    data = films[name]
    accepted = [at for at in cuts(len(data)) if not missing(data[:at], name)]
    assert accepted == []


@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_file_cut_at_any_length_is_incomplete(
    sounds: dict[str, bytes], draw: st.DataObject
) -> None:
    name = draw.draw(
        st.sampled_from([name for name in SOUNDS if name != "id3v1.mp3"])
    )
    data = sounds[name]
    # FLAC can't tell each cut within its last frame: one in some sixty.
    most = 4096 if name.endswith(".flac") else 1
    at = draw.draw(st.integers(1, len(data) - most))
    assert missing(data[:at], name)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("wav", ()),
        ("aiff", ()),
        ("flac", ()),
        ("ogg", ("-c:a", "libvorbis")),
        ("mp3", ()),
        ("mp4", ("-movflags", "frag_keyframe+empty_moov")),
        ("matroska", ()),
        ("avi", ()),
    ],
)
def test_file_written_to_a_pipe_is_complete(
    ffmpeg: str, form: str, options: tuple[str, ...]
) -> None:
    """A file whose writer didn't know its length is complete."""
    suffix = {"matroska": "mkv", "mp4": "m4a"}.get(form, form)
    data = sample_files.piped(ffmpeg, form, *options)
    assert missing(data, f"a.{suffix}") == ""


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF - 36])
def test_placeholder_length_is_ignored(
    sounds: dict[str, bytes], size: int
) -> None:
    """The placeholders of arecord and SoX are not taken for lengths."""
    data = bytearray(sounds["pcm.wav"])
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    assert missing(bytes(data), "a.wav") == ""


@pytest.mark.parametrize(
    "junk",
    [b"junk", bytes(3000), b"TAG" + bytes(125), b"<html>words</html>\n" * 40],
    ids=["word", "zeros", "ID3v1", "page"],
)
@pytest.mark.parametrize("name", [*SOUNDS, "p.pdf", "z.zip"])
def test_junk_after_the_end_is_ignored(
    sounds: dict[str, bytes], name: str, junk: bytes
) -> None:
    made = {"p.pdf": sample_files.pdf(), "z.zip": sample_files.archive()}
    data = (sounds | made)[name]
    assert missing(data + junk, name) == ""


@settings(max_examples=400)
@given(
    st.binary(max_size=400),
    st.sampled_from(
        [
            b"",
            b"RIFF\0\0\0\0WAVE",
            b"RF64\xff\xff\xff\xffWAVEds64",
            b"FORM\0\0\0\0AIFF",
            b"fLaC\0\0\0\x22",
            b"OggS\0\2",
            b"\0\0\0\x14ftypM4A ",
            b"\0\0\0\x10moov",
            b"ID3\4\0\0\0\0\0\0",
            b"ID3\4\0\0\x7f\x7f\x7f\x7f",
            b"PK\3\4",
            b"7z\xbc\xaf\x27\x1c",
            b"\x1a\x45\xdf\xa3",
            b"%PDF-1.4",
            b"\xff\xfb\x90\xc4",
        ]
    ),
    st.sampled_from([".mp3", ".wav", ".m4a", ".flac", ".zip", ".pdf", ".ogg"]),
)
def test_arbitrary_bytes_raise_no_error(
    data: bytes, start: bytes, suffix: str
) -> None:
    found = inspect_container(io.BytesIO(start + data), suffix)
    assert found is None or isinstance(found.missing, str)


class Counted(io.BytesIO):
    """A file that counts the bytes read from it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = 0
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.reads += 1
        self.bytes_read += len(data)
        return data


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".wav", b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 300_000),
        (".aiff", b"FORM\x7f\xff\xff\xffAIFF" + b"ANNO\0\0\0\0" * 300_000),
        (".flac", b"fLaC\0\0\0\x22" + b"\xff\xf8" * 1_500_000),
        (".flac", b"fLaC\0\0\0\x22" + b"\1\0\0\0" * 800_000),
        (".ogg", (b"OggS\0\2" + bytes(21)) * 100_000),
        (".m4a", b"\0\0\0\x08free" * 400_000),
        (
            ".m4a",
            b"\0\x2d\0\0moov" + b"\0\x2c\0\0trak\0\0\0\x08mdia" * 180_000,
        ),
        (".mp3", b"\xff\xfb\x90\xc4" * 800_000),
        (".mp3", b"\xff" * 3_000_000),
        (".mp3", b"ID3\4\0\0\0\0\0\0" * 300_000),
        (".zip", b"PK\5\6" * 800_000),
        (".pdf", b"%PDF-/Linearized" * 200_000),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else value,
)
def test_hostile_file_takes_bounded_work(suffix: str, data: bytes) -> None:
    file = Counted(data)
    inspect_container(file, suffix)
    assert file.reads < 200_000
    assert file.bytes_read < 8_000_000


@pytest.mark.parametrize("name", ["pcm.wav", "named.aiff", "index-last.m4a"])
def test_id3_tag_in_front_of_any_audio_is_skipped(
    sounds: dict[str, bytes], name: str
) -> None:
    """Taggers of MP3 files put one in front of other files, too."""
    tag = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    plain = inspect_bytes(sounds[name], name)
    assert inspect_bytes(tag + sounds[name], name) == plain
    accepted = [
        at
        for at in cuts(len(sounds[name]))
        if not missing(tag + sounds[name][:at], name)
    ]
    assert accepted == []
