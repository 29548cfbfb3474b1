# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cover pictures inside audio files."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from msrv.catalog.metadata.audio_pictures import (
    NoEmbeddedPicture,
    is_audio,
    read_picture,
)
from msrv.catalog.metadata.tags import read_tags
from tests.catalog import sample_files
from tests.catalog.audio_with_pictures import with_ape_picture, with_pictures
from tests.catalog.cover_pictures import encode
from tests.catalog.temporary_library import tagged_wav, wav

FRONT = encode(Image.new("RGB", (40, 30), "#802010"))
BACK = encode(Image.new("RGB", (20, 20), "#0000ff"))
NAMES = [
    "cbr.mp3",
    "pcm.wav",
    "plain.aiff",
    "plain.flac",
    "vorbis.ogg",
    "plain.opus",
    "index-last.m4a",
]


class Named(io.BytesIO):
    """Bytes with a name, like an open file."""

    name = "picture"


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Audio files of every format, by name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


@pytest.mark.parametrize("name", NAMES)
def test_front_cover_is_read_from_every_format(
    sounds: dict[str, bytes], name: str
) -> None:
    data = with_pictures(sounds[name], name, FRONT, BACK)
    assert is_audio(data[:12])
    assert read_picture(Named(data)) == FRONT
    assert read_tags(Named(data)).has_picture
    assert not read_tags(Named(sounds[name])).has_picture


@pytest.mark.parametrize("name", [n for n in NAMES if n != "index-last.m4a"])
def test_other_picture_is_used_without_a_front_cover(
    sounds: dict[str, bytes], name: str
) -> None:
    data = with_pictures(sounds[name], name, None, BACK)
    assert read_picture(Named(data)) == BACK


def test_picture_in_apev2_is_read(sounds: dict[str, bytes]) -> None:
    data = with_ape_picture(sounds["cbr.mp3"], FRONT)
    assert read_picture(Named(data)) == FRONT


def test_broken_picture_does_not_hide_others(sounds: dict[str, bytes]) -> None:
    data = with_pictures(sounds["vorbis.ogg"], "a.ogg", FRONT)
    marks = data.count(b"metadata_block_picture=")
    assert marks == 1
    # Base64 that is none, in a field of the same length.
    at = data.index(b"metadata_block_picture=") + 23
    broken = data[:at] + b"!!!!" + data[at + 4 :]
    assert not read_tags(Named(broken)).has_picture
    with pytest.raises(NoEmbeddedPicture, match="contains no picture"):
        read_picture(Named(broken))


def test_audio_without_a_picture_raises() -> None:
    for data in (wav(), tagged_wav(title="A")):
        with pytest.raises(NoEmbeddedPicture):
            read_picture(Named(data))


def test_pictures_are_not_audio() -> None:
    image = Image.new("RGB", (8, 8))
    for form in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        assert not is_audio(encode(image, form)[:12])
    assert not is_audio(b"")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_no_other_error(data: bytes) -> None:
    for start in (b"ID3\4\0\0\0\0\0\x40APIC", b"fLaC\6", b"OggS\0\2", b""):
        try:
            assert read_picture(Named(start + data))
        except NoEmbeddedPicture:
            continue
