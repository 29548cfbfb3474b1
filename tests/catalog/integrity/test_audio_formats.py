# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Completeness of audio files, by peculiarities of their formats."""

import io
import struct
from typing import Literal

import pytest

from msrv.catalog.metadata.riff_info import read_riff_info
from tests.catalog import sample_files
from tests.catalog.integrity.container_checks import (
    inspect_bytes,
    missing,
)


def test_missing_padding_byte_is_ignored(sounds: dict[str, bytes]) -> None:
    """A WAV of an odd number of bytes is complete without its padding."""
    data = sounds["odd.wav"]
    body = data.index(b"data") + 8
    size = int.from_bytes(data[body - 4 : body], "little")
    odd = bytearray(data[: body + size - 1 + size % 2])
    odd[body - 4 : body] = (len(odd) - body).to_bytes(4, "little")
    assert (len(odd) - body) % 2 == 1
    odd[4:8] = (len(odd) - 8 + 1).to_bytes(4, "little")
    assert missing(bytes(odd), "a.wav") == ""


def chunk(
    name: bytes, body: bytes, order: Literal["big", "little"], pad: bytes
) -> bytes:
    padding = pad if len(body) % 2 else b""
    return name + len(body).to_bytes(4, order) + body + padding


@pytest.mark.parametrize("pad", [b"\0", b""])
@pytest.mark.parametrize("size", [8001, 8000])
@pytest.mark.parametrize("info", [6, 32, 33, 0x61])
def test_wav_without_padding_between_chunks_is_complete(
    pad: bytes, size: int, info: int
) -> None:
    """The size of the next chunk may look like a letter of its name."""
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    text = chunk(b"INAM", b"a" * (info - 1) + b"\0", "little", pad)
    body = b"WAVE" + chunk(b"fmt ", form, "little", pad)
    body += chunk(b"LIST", b"INFO" + text, "little", pad)
    body += chunk(b"data", b"\x80" * size, "little", pad)
    body += chunk(b"id3 ", b"b" * info, "little", pad)
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    found = inspect_bytes(data, "a.wav")
    assert found
    assert (found.missing, found.duration_seconds) == ("", 1.0)
    titles = read_riff_info(io.BytesIO(data))
    assert titles == {"title": ["a" * (info - 1)]}
    cut = len(data) - info - len(pad) - 10
    assert missing(data[:cut], "a.wav")


@pytest.mark.parametrize("pad", [b"\0", b""])
def test_aiff_without_padding_between_chunks_is_complete(pad: bytes) -> None:
    rate = bytes.fromhex("400bfa00000000000000")
    common = struct.pack(">hIh", 1, 8001, 8) + rate
    body = b"AIFF" + chunk(b"ANNO", b"odd", "big", pad)
    body += chunk(b"COMM", common, "big", pad)
    body += chunk(b"SSND", bytes(8) + b"\1" * 8001, "big", pad)
    body += chunk(b"NAME", b"Title!", "big", pad)
    data = b"FORM" + len(body).to_bytes(4) + body
    found = inspect_bytes(data, "a.aiff")
    assert found
    assert (found.missing, found.duration_seconds) == ("", 1.0)
    assert missing(data[:-40], "a.aiff")


def test_junk_after_the_audio_is_no_missing_chunk() -> None:
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    body = b"WAVE" + chunk(b"fmt ", form, "little", b"\0")
    body += chunk(b"data", b"\x80" * 8000, "little", b"\0")
    body += b"\1\2\3\4\xff\xff\xff\x7f"
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert missing(data, "a.wav") == ""


def test_riff_that_states_the_size_of_the_file_is_complete() -> None:
    """A SoundFont of some programs states 8 bytes too many."""
    body = b"sfbk" + chunk(b"LIST", b"INFO" + bytes(600), "little", b"\0")
    data = b"RIFF" + (8 + len(body)).to_bytes(4, "little") + body
    assert missing(data, "a.sf2") == ""
    assert missing(data[:-1], "a.sf2")
    whole = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert missing(whole, "a.sf2") == ""
    assert missing(whole[:-8], "a.sf2")


def test_mp3_without_its_trailing_tag_is_complete(
    sounds: dict[str, bytes],
) -> None:
    data = sounds["id3v1.mp3"]
    assert missing(data[:-60], "a.mp3") == ""
    assert missing(data[:-129], "a.mp3")


def test_mp3_without_counts_is_complete(
    sounds: dict[str, bytes],
) -> None:
    data = sounds["cbr.mp3"]
    place = data.index(b"Info")
    data = data[:place] + b"\0\0\0\0" + data[place + 4 :]
    assert missing(data, "a.mp3") == ""


def test_mp3_with_a_frame_count_is_checked_by_frames(
    sounds: dict[str, bytes],
) -> None:
    data = bytearray(sounds["vbr.mp3"])
    place = data.index(b"Xing")
    frames = data[place + 8 : place + 12]
    data[place + 4 : place + 8] = b"\0\0\0\1"
    assert frames != bytes(4)
    assert missing(bytes(data), "a.mp3") == ""
    assert "frames" in missing(bytes(data[: len(data) // 2]), "a.mp3")


@pytest.mark.parametrize("flag", [b"VBRI"])
def test_mp3_with_a_vbri_header_is_checked_by_bytes(
    sounds: dict[str, bytes], flag: bytes
) -> None:
    data = bytearray(sounds["cbr.mp3"])
    info = data.index(b"Info")
    start = data.rindex(b"\xff\xfb", 0, info)
    frames = data[info + 8 : info + 12]
    data[info : info + 12] = bytes(12)
    said = flag + bytes(6) + (len(data) - start).to_bytes(4) + frames
    data[start + 36 : start + 36 + len(said)] = said
    assert missing(bytes(data), "a.mp3") == ""
    assert missing(bytes(data[:-2000]), "a.mp3")


def test_mp3_after_junk_is_found(sounds: dict[str, bytes]) -> None:
    junk = sounds["pcm.wav"][1000:201_000]
    found = inspect_bytes(junk + sounds["vbr.mp3"], "a.mp3")
    assert found
    assert found.media_type == "audio/mpeg"
    assert found.duration_seconds == pytest.approx(3, abs=0.1)
    assert missing(junk + sounds["vbr.mp3"][:-500], "a.mp3")


def test_raw_aac_is_audio(ffmpeg: str) -> None:
    data = sample_files.piped(ffmpeg, "adts", "-c:a", "aac")
    found = inspect_bytes(data, "a.m4a")
    assert found
    assert (found.media_type, found.missing) == ("audio/aac", "")
    assert inspect_bytes(b"\xff" * 3000, "a.m4a") is None


def test_flac_of_unknown_length_is_complete(
    sounds: dict[str, bytes],
) -> None:
    data = bytearray(sounds["plain.flac"])
    data[8 + 13] &= 0xF0
    data[8 + 14 : 8 + 18] = bytes(4)
    found = inspect_bytes(bytes(data[: len(data) // 2]), "a.flac")
    assert found
    assert (found.missing, found.duration_seconds) == ("", None)


def test_flac_ending_in_zeros_is_incomplete(
    sounds: dict[str, bytes],
) -> None:
    """A preallocated download that broke off is incomplete."""
    data = sounds["plain.flac"]
    half = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    assert missing(half, "a.flac")


def test_recorded_broadcast_is_complete(
    sounds: dict[str, bytes],
) -> None:
    pages = sample_files.pages(sounds["vorbis.ogg"])
    assert len(pages) > 4
    recorded = b"".join([*pages[:2], *pages[3:-1]])
    assert missing(recorded, "a.ogg") == ""
    assert missing(recorded[:-100], "a.ogg") == ""
    assert missing(b"".join(pages[:-1]), "a.ogg")


def test_chained_ogg_ends_with_its_last_stream(
    sounds: dict[str, bytes],
) -> None:
    data = sounds["vorbis.ogg"] + sounds["plain.opus"]
    assert missing(data, "a.ogg") == ""
    assert missing(data[:-5000], "a.ogg")


def test_m4a_with_open_ended_data_is_checked_by_its_index(
    sounds: dict[str, bytes],
) -> None:
    data = bytearray(sounds["index-first.m4a"])
    at = data.index(b"mdat") - 4
    data[at : at + 4] = bytes(4)
    assert missing(bytes(data), "a.m4a") == ""
    assert missing(bytes(data[:-1]), "a.m4a")
    assert missing(bytes(data[: at + 9]), "a.m4a")


def test_m4a_with_64_bit_sizes_is_checked(
    sounds: dict[str, bytes],
) -> None:
    data = sounds["index-last.m4a"]
    at = data.index(b"mdat") - 4
    size = int.from_bytes(data[at : at + 4])
    wide = (
        data[:at] + b"\0\0\0\1mdat" + (size + 8).to_bytes(8) + data[at + 8 :]
    )
    assert missing(wide, "a.m4a") == ""
    assert missing(wide[: at + 300], "a.m4a")
