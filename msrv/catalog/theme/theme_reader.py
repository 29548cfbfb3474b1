# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reader of the files that `store.toml` names for the store's look.

A file that is missing or unfit is a problem with its line in `store.toml`,
and the store goes on without it. Types go by content. Pictures are decoded by
the confined parser, so that visitors get nothing but their pixels.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.library.found_files import STORE_TOML, FoundFile
from msrv.catalog.metadata.cover_images import NotAPicture, PictureFormat
from msrv.catalog.parsing.errors import ParsingError
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.theme.svg_logos import UnfitLogo, check_svg
from msrv.catalog.theme.theme_files import (
    ICON_SIDE,
    ThemeFile,
    is_nearly_square,
)
from msrv.display_text import normalize_nfc, printable, reason_of
from msrv.storage.model import FileIdentity
from msrv.toml_file import Problem

_MAX_BYTES: Final[Mapping[str, int]] = {
    "logo": 2 << 20,
    "banner": 20 << 20,
    "background": 20 << 20,
    "fonts.body": 512 << 10,
    "fonts.display": 512 << 10,
    "extra_css": 64 << 10,
}
_SVG_BYTES: Final = 128 << 10
_SIDES: Final = {"logo": 800, "banner": 1920, "background": 1920}
"""Pixels that a picture is reduced to, in either direction."""
_WOFF2: Final = b"wOF2"

Known = dict[str, tuple[FoundFile, ThemeFile]]
"""Files of the last load, by their keys."""


class Unfit(Exception):
    """A file can't be used; the message is half a sentence on it."""


def read_theme_files(
    root: Path,
    store: StoreConfig,
    files: Sequence[FoundFile],
    parser: Parser,
    *,
    known: Known,
    problems: list[Problem],
) -> Known:
    """Return the files that `store.toml` names; add to `problems`.

    `files` are those that may be named, also in another Unicode form, and
    `known` those of the last load.
    """
    by_path = {normalize_nfc(file.path): file for file in files}
    found: Known = {}
    for key, path in store.theme_paths:
        file, old = by_path.get(normalize_nfc(path)), known.get(key)
        try:
            if file is None:
                raise Unfit("which is not in the library")
            if old is None or old[0] != file:
                old = file, _read(root, key, file, parser)
            found[key] = old
        except Unfit as error:
            what = f"{key!r} is {printable(path)}, {error}; not used"
            problems.append(Problem(STORE_TOML, store.lines.get(key), what))
    return found


def _read(root: Path, key: str, file: FoundFile, parser: Parser) -> ThemeFile:
    """Return a file, read and checked. Raises Unfit."""
    limit = _MAX_BYTES[key]
    if file.size_bytes > limit:
        raise Unfit(f"which is over {limit >> 10:,} KiB")
    try:
        with open(root / file.path, "rb", opener=_open) as source:
            # The scan has seen that this file is inside of the library.
            if not FileIdentity.of(os.fstat(source.fileno())).is_same(
                file.identity
            ):
                raise Unfit("which is being changed")
            data = source.read(limit + 1)
            version = hashlib.sha256(data).digest()
            return _prepare(key, data, version, source, parser)
    except OSError as error:
        raise Unfit(f"which can't be read: {reason_of(error)}") from error


def _prepare(
    key: str, data: bytes, sha256: bytes, source: BinaryIO, parser: Parser
) -> ThemeFile:
    version = sha256.hex()[:16]
    if key == "extra_css":
        return ThemeFile(key, "text/css", version, _checked_css(data))
    if key in {"fonts.body", "fonts.display"}:
        return ThemeFile(key, "font/woff2", version, _checked_font(data))
    if key == "logo" and _is_markup(data):
        if len(data) > _SVG_BYTES:
            raise Unfit(f"an SVG of over {_SVG_BYTES >> 10} KiB")
        try:
            width, height = check_svg(data)
        except UnfitLogo as error:
            raise Unfit(f"which {error}") from error
        return ThemeFile(key, "image/svg+xml", version, data, width, height)
    try:
        facts = parser.measure(source, sha256)
        form: PictureFormat = "LOGO" if key == "logo" else "WEBP"
        small = parser.shrink(source, _SIDES[key], sha256, form)
        icon = None
        if key == "logo" and is_nearly_square(facts.width, facts.height):
            icon = parser.shrink(source, ICON_SIDE, sha256, "ICON")
    except NotAPicture as error:
        raise Unfit(f"and {error.reason}") from error
    except ParsingError as error:
        raise Unfit(f"which can't be decoded: {error}") from error
    return ThemeFile(
        key, "image/webp", version, small, facts.width, facts.height, icon
    )


def _checked_css(data: bytes) -> bytes:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit("which is not UTF-8") from error
    if "\0" in text:
        raise Unfit("which is not text")
    return text.encode()


def _checked_font(data: bytes) -> bytes:
    """Return a font by its signature and length (WOFF2, section 4.1)."""
    if data[:4] != _WOFF2 or int.from_bytes(data[8:12]) != len(data):
        raise Unfit("which is not a whole WOFF2 font")
    return data


def _is_markup(data: bytes) -> bool:
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def _open(path: str, flags: int) -> int:
    # NONBLOCK: a FIFO in the file's place must not hang the thread.
    return os.open(path, flags | os.O_NONBLOCK)
