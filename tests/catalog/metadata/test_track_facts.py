# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facts of tracks with unreadable tags or misleading names."""

import struct
import subprocess
from pathlib import Path

import pytest

from msrv.catalog.model import ItemKind
from tests.catalog import sample_files
from tests.catalog.temporary_library import Library, problems


@pytest.fixture(scope="session")
def sounds(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Audio files of every format, by name."""
    return sample_files.sounds(ffmpeg, tmp_path_factory.mktemp("sounds"))


def id3(version: int, size: int = 20) -> bytes:
    return b"ID3" + bytes([version, 0, 0, 0, 0, 0, size]) + bytes(size)


def skeleton() -> bytes:
    """Return the first Ogg page of a Skeleton 4 stream, without a CRC."""
    packet = b"fishead\0" + struct.pack("<HH", 4, 0) + bytes(68)
    head = b"OggS\0\2" + bytes(8) + b"\7\0\0\0" + bytes(8)
    return head + bytes([1, len(packet)]) + packet


def with_atom(m4a: bytes, atom: bytes) -> bytes:
    """Add an atom to the list of tags of an M4A whose index is last."""
    data = bytearray(m4a)
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        at = data.index(name) - 4
        size = int.from_bytes(data[at : at + 4])
        data[at : at + 4] = (size + len(atom)).to_bytes(4)
    at = data.index(b"ilst") + 4
    return bytes(data[:at] + atom + data[at:])


def atom(name: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4) + name + body


def with_block(flac: bytes, kind: int, body: bytes) -> bytes:
    """Insert a metadata block after STREAMINFO."""
    block = bytes([kind]) + len(body).to_bytes(3) + body
    return flac[:42] + block + flac[42:]


def broken(sounds: dict[str, bytes]) -> dict[str, bytes]:
    m4a, flac = sounds["index-last.m4a"], sounds["plain.flac"]
    wave = sounds["pcm.wav"]
    at = wave.index(b"data")
    sizes = struct.pack("<QQQL", len(wave) + 28, len(wave) - at - 8, 0, 0)
    ds64 = b"ds64" + len(sizes).to_bytes(4, "little") + sizes
    bw64 = wave[12:at] + b"data\xff\xff\xff\xff" + wave[at + 8 :]
    return {
        "rf64.wav": sounds["rf64.wav"],
        "bw64.wav": b"BW64\xff\xff\xff\xffWAVE" + ds64 + bw64,
        "freeform.m4a": with_atom(m4a, atom(b"----", b"\0\0\0")),
        "number.m4a": with_atom(m4a, atom(b"trkn", atom(b"data", bytes(10)))),
        "cover.m4a": with_atom(m4a, atom(b"covr", bytes(9))),
        "picture.flac": with_block(flac, 6, b"\0\0\0\3\0\0\0\xc8short"),
        "comment.flac": with_block(flac, 4, b"\xff\xff\0\0short"),
        "id3.ogg": id3(4) + sounds["vorbis.ogg"],
        "v2.5.mp3": id3(5) + sounds["cbr.mp3"],
        "junk.mp3": b"\xff\xfb\x90\0.." * 2000 + sounds["cbr.mp3"],
    }


BROKEN = [
    "rf64.wav",
    "bw64.wav",
    "freeform.m4a",
    "number.m4a",
    "cover.m4a",
    "picture.flac",
    "comment.flac",
    "id3.ogg",
    "v2.5.mp3",
    "junk.mp3",
]


@pytest.mark.parametrize("name", BROKEN)
def test_playable_track_with_broken_tags_is_offered(
    library: Library, sounds: dict[str, bytes], ffmpeg: str, name: str
) -> None:
    path = library.put(f"R/{name}", broken(sounds)[name])
    decoded = subprocess.run(
        (ffmpeg, "-v", "quiet", "-i", str(path), "-f", "s16le", "-"),
        check=True,
        stdout=subprocess.PIPE,
    )
    assert len(decoded.stdout) > 2 * 44_100 * 2
    reading = library.read()
    assert problems(reading) == []
    (item,) = reading.catalog.releases[0].items
    assert item.kind is ItemKind.TRACK
    assert item.title == Path(name).stem
    assert item.duration_seconds == pytest.approx(3, abs=0.1)
    note = next(each for each in reading.notes if each.startswith("R/"))
    assert note.startswith(
        f"R/{name} is sold by its name: its tags can't be read: "
    )
    assert not note.endswith(": ")
    assert str(library.root) not in note


@pytest.mark.parametrize("name", BROKEN)
def test_truncated_track_with_broken_tags_is_not_offered(
    library: Library, sounds: dict[str, bytes], name: str
) -> None:
    data = broken(sounds)[name]
    library.put(f"R/{name}", data[: -len(data) // 3])
    (problem,) = problems(library.read())
    assert problem.startswith(f"R/{name}: is cut off: ")
    assert problem.endswith("; not offered")


def test_tags_after_an_ogg_skeleton_are_read(
    library: Library, sounds: dict[str, bytes]
) -> None:
    tagged = sounds["tagged.ogg"]
    library.put("R/a.ogg", skeleton() + tagged)
    (item,) = library.only().items
    assert item.title == "Title"
    assert item.duration_seconds == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_without_a_size_is_as_long_as_its_sound(
    library: Library, sounds: dict[str, bytes], size: int
) -> None:
    wave = bytearray(sounds["pcm.wav"])
    at = wave.index(b"data") + 4
    wave[at : at + 4] = size.to_bytes(4, "little")
    library.put("R/a.wav", bytes(wave))
    (item,) = library.only().items
    assert item.duration_seconds == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("tail", [b"", b"TAG" + bytes(125), bytes(3000)])
def test_mp3_without_a_count_is_as_long_as_its_frames(
    library: Library, ffmpeg: str, tail: bytes
) -> None:
    """Its bit rate varies: it begins in silence, with the smallest frames."""
    data = subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i"),
            "aevalsrc=0.3*sin(2070*t)*gt(t\\,2):d=4:s=44100",
            *("-q:a", "0", "-write_xing", "0", "-f", "mp3", "-"),
        ),
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    library.put("R/a.mp3", data + tail)
    (item,) = library.only().items
    assert item.duration_seconds == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [
        ("plain.flac", "FLAC", "audio/flac"),
        ("pcm.wav", "WAV", "audio/wav"),
        ("vorbis.ogg", "Ogg", "audio/ogg"),
        ("index-last.m4a", "MP4", "audio/mp4"),
    ],
)
def test_misnamed_track_has_the_media_type_of_its_content(
    library: Library,
    sounds: dict[str, bytes],
    name: str,
    kind: str,
    media_type: str,
) -> None:
    library.put("R/a.mp3", sounds[name])
    reading = library.read()
    assert problems(reading) == []
    (item,) = reading.catalog.releases[0].items
    assert item.content.media_type == media_type
    assert (
        f"R/a.mp3 is {kind}, not mp3, and is sent as {media_type}"
        in reading.notes
    )


def test_truncated_document_is_not_offered(library: Library) -> None:
    for name, data in {
        "book.epub": sample_files.book(),
        "samples.zip": sample_files.archive(),
        "score.pdf": sample_files.pdf(),
    }.items():
        library.put(f"Whole/{name}", data)
        library.put(f"Half/{name}", data[: len(data) // 2])
    reading = library.read()
    assert [release.folder for release in reading.catalog.releases] == [
        "Whole"
    ]
    assert len(reading.catalog.releases[0].items) == 3
    assert len(reading.problems) == 3
