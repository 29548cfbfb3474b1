# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of every kind that is sold, written by ffmpeg and zipfile."""

import io
import struct
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

_NOISE = "anoisesrc=d=3:r=44100:seed=7:a=0.3"
_PICTURE = "testsrc=d=2:s=64x64:r=10"

SOUNDS: Mapping[str, tuple[str, ...]] = {
    "pcm.wav": (),
    "odd.wav": ("-c:a", "pcm_u8", "-ac", "1", "-t", "1.00001"),
    "rf64.wav": ("-rf64", "always"),
    "plain.aiff": (),
    "named.aiff": ("-metadata", "title=Title", "-write_id3v2", "1"),
    "compressed.aif": ("-c:a", "pcm_alaw", "-f", "aiff"),
    "plain.flac": (),
    "tagged.flac": ("-metadata", "title=Title", "-compression_level", "12"),
    "vorbis.ogg": ("-c:a", "libvorbis"),
    "tagged.ogg": ("-c:a", "libvorbis", "-metadata", "title=Title"),
    "flac.oga": ("-c:a", "flac"),
    "speex.ogg": ("-c:a", "libspeex", "-ar", "16000", "-ac", "1"),
    "plain.opus": ("-c:a", "libopus"),
    "index-last.m4a": ("-c:a", "aac"),
    "index-first.m4a": ("-c:a", "aac", "-movflags", "faststart"),
    "lossless.m4a": ("-c:a", "alac"),
    "vbr.mp3": ("-q:a", "4"),
    "cbr.mp3": ("-b:a", "128k"),
    "mono.mp3": ("-b:a", "32k", "-ac", "1", "-ar", "22050"),
    "id3v1.mp3": ("-write_id3v1", "1", "-metadata", "title=Title"),
}
FILMS: Mapping[str, tuple[str, ...]] = {
    "film.mp4": ("-c:v", "mpeg4", "-c:a", "aac"),
    "film.mov": ("-c:v", "mpeg4", "-c:a", "aac"),
    "film.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "film.mkv": ("-c:v", "mpeg4", "-c:a", "libvorbis"),
    "film.webm": ("-c:v", "libvpx", "-c:a", "libopus"),
}


def sounds(ffmpeg: str, folder: Path) -> dict[str, bytes]:
    """Make three seconds of noise in every format, by its file's name."""
    sources = dict.fromkeys(SOUNDS, ("-f", "lavfi", "-i", _NOISE))
    return _made(ffmpeg, folder, sources, SOUNDS)


def films(ffmpeg: str, folder: Path) -> dict[str, bytes]:
    """Make two seconds of film in every format, by its file's name."""
    source = ("-f", "lavfi", "-i", _PICTURE, "-f", "lavfi", "-i", _NOISE)
    return _made(ffmpeg, folder, dict.fromkeys(FILMS, source), FILMS)


def _made(
    ffmpeg: str,
    folder: Path,
    sources: Mapping[str, tuple[str, ...]],
    options: Mapping[str, tuple[str, ...]],
) -> dict[str, bytes]:
    found = {}
    for name, source in sources.items():
        path = folder / name
        given = (*source, *options[name], str(path))
        subprocess.run(
            (ffmpeg, "-nostdin", "-v", "error", "-y", *given), check=True
        )
        found[name] = path.read_bytes()
    return found


def piped(ffmpeg: str, form: str, *options: str) -> bytes:
    """Make a sound as a program that writes to a pipe does."""
    made = subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i"),
            *(_NOISE, *options, "-f", form, "-"),
        ),
        check=True,
        stdout=subprocess.PIPE,
    )
    return made.stdout


def archive(
    *, comment: bytes = b"", members: Mapping[str, bytes] | None = None
) -> bytes:
    """Make a ZIP."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in (members or {"a.txt": b"words " * 900}).items():
            file.writestr(name, body)
        file.comment = comment
    return data.getvalue()


def stored(members: Mapping[str, bytes]) -> bytes:
    """Make a ZIP that holds its members as they are."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as file:
        for name, body in members.items():
            file.writestr(name, body)
    return data.getvalue()


def archive_64() -> bytes:
    """Make a ZIP of more members than a ZIP of old can count."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for number in range(65_600):
            file.writestr(zipfile.ZipInfo(f"{number}"), b"")
    return data.getvalue()


def with_zip64_record(data: bytes) -> bytes:
    """Add a ZIP64 record to a ZIP that fits without one."""
    at = data.rindex(b"PK\5\6")
    entries = int.from_bytes(data[at + 10 : at + 12], "little")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    start = int.from_bytes(data[at + 16 : at + 20], "little")
    record = b"PK\6\6" + struct.pack(
        "<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, size, start
    )
    locator = b"PK\6\7" + struct.pack("<IQI", 0, at, 1)
    return data[:at] + record + locator + data[at:]


def book() -> bytes:
    """Make an EPUB, whose first member is stored."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("mimetype", "application/epub+zip")
        file.writestr("OEBPS/a.xhtml", "<p>words</p>" * 500)
    return data.getvalue()


def pdf(body: bytes = b"x" * 4000) -> bytes:
    """Make what looks like a PDF at both ends."""
    return b"%PDF-1.7\n" + body + b"\nstartxref\n9\n%%EOF\n"


def linearized() -> bytes:
    """Make a PDF for the web, whose first part ends as the whole does."""
    head = b"%%PDF-1.7\n1 0 obj\n<</Linearized 1/L %07d/H[1 2]/O 3>>\nendobj\n"
    body = b"x" * 300 + b"\n%%EOF\n" + b"y" * 3000 + b"startxref\n9\n%%EOF\n"
    size = len(head % 0) + len(body)
    return head % size + body


def seven_zip() -> bytes:
    """Make what looks like a 7z archive: header, data, directory."""
    places = (900).to_bytes(8, "little") + (40).to_bytes(8, "little")
    head = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(4) + places + bytes(4)
    return head + b"x" * 940


def pages(ogg: bytes) -> list[bytes]:
    """Take an Ogg file apart into its pages."""
    found = []
    at = 0
    while at < len(ogg):
        count = ogg[at + 26]
        size = 27 + count + sum(ogg[at + 27 : at + 27 + count])
        found.append(ogg[at : at + size])
        at += size
    return found
