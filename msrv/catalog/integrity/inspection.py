# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Inspection of a file's container: its format, duration and completeness.

By content rather than name, from a few kilobytes at both ends, with bounded
work whatever sizes a file states. A file that doesn't state its size counts
as complete: a WAV written to a pipe, an MP3 without a frame count, a recorded
broadcast.
"""

import re
from collections.abc import Callable
from typing import BinaryIO, Final

from msrv.catalog.integrity.archives import read_7z, read_zip
from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    Truncated,
    id3v2_end,
)
from msrv.catalog.integrity.flac import read_flac
from msrv.catalog.integrity.iff import read_aiff, read_riff
from msrv.catalog.integrity.matroska import read_matroska
from msrv.catalog.integrity.mp4 import read_mp4
from msrv.catalog.integrity.mpeg import read_adts, read_mpeg
from msrv.catalog.integrity.ogg import read_ogg
from msrv.catalog.integrity.pdf import read_pdf
from msrv.catalog.names.media_types import AUDIO_TYPES

_STARTS: Final[dict[bytes, Callable[[ByteSource], Container]]] = {
    b"RIFF": read_riff,
    b"RF64": read_riff,
    b"BW64": read_riff,
    b"FORM": read_aiff,
    b"\x1a\x45\xdf\xa3": read_matroska,
    b"7z\xbc\xaf\x27\x1c": read_7z,
    b"%PDF-": read_pdf,
    b"PK\3\4": read_zip,
    b"PK\5\6": read_zip,
}
_CHUNKED: Final = frozenset({b"RIFF", b"RF64", b"BW64", b"FORM"})
_PDF_BYTES: Final = 1024
"""Distance into a file within which readers of PDF look for its header."""
_ZIPS: Final = frozenset(
    ".apk .cbz .docx .epub .ipa .jar .kmz .odp .ods .odt .pptx .xlsx "
    ".xpi .zip".split()
)
_MP4S: Final = frozenset(".m4a .m4b .m4p .m4v .mov .mp4".split())
_MP4_STARTS: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
)
_MP3S: Final = frozenset({*AUDIO_TYPES, ".mp2", ".mpga"})
"""Any track may be an MP3 in fact, which has no magic number."""
_VOLUME: Final = re.compile(r"\.[0-9]{3}")
"""Suffix of a part of a split file, which alone is never complete."""


def inspect_container(file: BinaryIO, suffix: str) -> Container | None:
    """Return an open file's container, or None for an unknown one.

    `suffix`, with its dot and in lower case, decides where the content alone
    is ambiguous. Blocks. Raises OSError.
    """
    if _VOLUME.fullmatch(suffix):
        return None
    source = ByteSource(file)
    try:
        return _inspect(source, suffix)
    except Truncated:
        return Container(
            suffix[1:], missing="is cut off: it ends inside its header"
        )


def _inspect(source: ByteSource, suffix: str) -> Container | None:
    magic = source.read(0, 16)
    for start, read in _STARTS.items():
        if magic.startswith(start):
            return read(source)
    if suffix in _ZIPS:
        return read_zip(source)
    if magic[4:8] == b"ftyp" or (
        suffix in _MP4S and magic[4:8] in _MP4_STARTS
    ):
        return read_mp4(source)
    if suffix == ".pdf" and b"%PDF-" in source.read(0, _PDF_BYTES):
        return read_pdf(source)
    return _inspect_after_id3(source, suffix)


def _inspect_after_id3(source: ByteSource, suffix: str) -> Container | None:
    """Return the container of audio after an ID3v2 tag, or without one."""
    begin = id3v2_end(source)
    magic = source.read(begin, 8)
    if begin and (magic[:4] in _CHUNKED or magic[4:] == b"ftyp"):
        return _inspect(source.after(begin), suffix)
    if magic[:4] == b"fLaC":
        return read_flac(source, begin)
    if magic[:4] == b"OggS":
        return read_ogg(source, begin)
    if suffix not in _MP3S:
        return None
    return read_adts(source, begin) or read_mpeg(source, begin)
