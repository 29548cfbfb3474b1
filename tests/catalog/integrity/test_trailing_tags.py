# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags behind the sound of a file, of every kind and in any order."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.apev2 import APEv2

from msrv.catalog.integrity.container_info import ByteSource
from msrv.catalog.integrity.trailing_tags import sound_end

_FLAC = b"fLaC" + bytes(range(256)) * 8
_MP3 = b"\xff\xfb\x90\0" + bytes(range(256)) * 8
_ID3V1 = b"TAG" + bytes(125)
_LYRICS = b"LYRICSBEGININD0000200LYR00008la la la"
_LYRICS3 = _LYRICS + b"%06dLYRICS200" % len(_LYRICS)
_OLD_LYRICS3 = b"LYRICSBEGIN[00:01]la la laLYRICSEND"


def _ape() -> bytes:
    data = io.BytesIO()
    tags: Any = APEv2()  # type: ignore[no-untyped-call] # mutagen's own
    tags["Title"] = "x" * 300
    tags.save(data)
    return data.getvalue()


def _end(data: bytes) -> int:
    return sound_end(ByteSource(io.BytesIO(data)))


@pytest.mark.parametrize("sound", [_FLAC, _MP3])
@pytest.mark.parametrize(
    "tags",
    [
        b"",
        _ID3V1,
        _LYRICS3 + _ID3V1,
        _OLD_LYRICS3 + _ID3V1,
        _ape(),
        _ape() + _ID3V1,
        _ape() + _LYRICS3 + _ID3V1,
    ],
    ids=["none", "id3v1", "lyrics3", "lyrics3v1", "ape", "two", "three"],
)
def test_sound_ends_before_tags(sound: bytes, tags: bytes) -> None:
    assert _end(sound + tags) == len(sound)


@pytest.mark.parametrize("start", [b"RIFF", b"OggS", b"FORM", b"", b"\xff"])
def test_other_containers_end_where_they_state(start: bytes) -> None:
    data = start + bytes(500) + _ID3V1
    assert _end(data) == len(data)


@pytest.mark.parametrize(
    "tail",
    [
        b"999999LYRICS200",
        b"000000LYRICS200",
        b"LYRICSEND",
        b"APETAGEX\xd0\x07\0\0\xff\xff\xff\xff" + bytes(16),
    ],
)
def test_tag_that_states_nonsense_is_no_tag(tail: bytes) -> None:
    assert _end(_FLAC + tail) == len(_FLAC + tail)


@given(st.binary(max_size=300))
def test_end_is_within_any_file(data: bytes) -> None:
    for start in (b"fLaC", b"\xff\xfb"):
        assert 0 <= _end(start + data) <= len(start + data)
