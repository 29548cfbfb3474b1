"""One look at a file's container: what it is, how long, and if it is whole.

By content and not by name, from a few kilobytes at both ends, with bounded
work whatever sizes a file states. What a file doesn't say isn't held against
it: a WAV that was written to a pipe, an MP3 without a count, a broadcast that
was recorded.
"""

from collections.abc import Callable
from typing import BinaryIO, Final

from msrv.catalog.integrity.archives import seven_zip, zip_file
from msrv.catalog.integrity.container import (
    Container,
    Source,
    Truncated,
    id3v2_end,
)
from msrv.catalog.integrity.flac import flac
from msrv.catalog.integrity.iff import form, riff
from msrv.catalog.integrity.matroska import matroska
from msrv.catalog.integrity.mp4 import mp4
from msrv.catalog.integrity.mpeg import adts, mpeg
from msrv.catalog.integrity.ogg import ogg
from msrv.catalog.integrity.pdf import pdf
from msrv.catalog.names.media_types import AUDIO_TYPES

_STARTS: Final[dict[bytes, Callable[[Source], Container]]] = {
    b"RIFF": riff,
    b"RF64": riff,
    b"BW64": riff,
    b"FORM": form,
    b"\x1a\x45\xdf\xa3": matroska,
    b"7z\xbc\xaf\x27\x1c": seven_zip,
    b"%PDF-": pdf,
    b"PK\3\4": zip_file,
    b"PK\5\6": zip_file,
}
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
"""Also a track of another name may be an MP3, which has no magic."""


def inspect(file: BinaryIO, suffix: str) -> Container | None:
    """Return an open file's container; None for one that isn't known.

    `suffix`, with its dot and in lower case, counts where the content alone
    isn't plain. Blocks. Raises OSError.
    """
    source = Source(file)
    try:
        return _inspect(source, suffix)
    except Truncated:
        return Container(
            suffix[1:], missing="is cut off: it ends inside its header"
        )


def _inspect(source: Source, suffix: str) -> Container | None:
    magic = source.read(0, 16)
    for start, read in _STARTS.items():
        if magic.startswith(start):
            return read(source)
    if suffix in _ZIPS:
        return zip_file(source)
    if magic[4:8] == b"ftyp" or (
        suffix in _MP4S and magic[4:8] in _MP4_STARTS
    ):
        return mp4(source)
    if suffix == ".pdf" and b"%PDF-" in source.read(0, _PDF_BYTES):
        return pdf(source)
    return _behind_tags(source, suffix)


def _behind_tags(source: Source, suffix: str) -> Container | None:
    """Return the container of a sound behind an ID3v2 tag, or without one."""
    begin = id3v2_end(source)
    magic = source.read(begin, 4)
    if magic == b"fLaC":
        return flac(source, begin)
    if magic == b"OggS":
        return ogg(source, begin)
    if suffix not in _MP3S:
        return None
    return adts(source, begin) or mpeg(source, begin)
