# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folders of texts in a library: `pages` and `artists`.

Apart from `scan`, which lists the files: this is pure. Stores may have sold a
folder of one of these names before it had a meaning, so only a folder that
looks like nothing else is one of texts.
"""

import re
from collections.abc import Sequence
from typing import Final

from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.names.ids import slug
from msrv.catalog.names.media_types import PICTURES
from msrv.display_text import normalize_nfc, printable

PAGES: Final = "pages"
ARTISTS: Final = "artists"
MARKDOWN: Final = ".md"
_NAMES: Final = frozenset({PAGES, ARTISTS})
_SUFFIXES: Final = frozenset({MARKDOWN, *PICTURES})
_NUMBERED: Final = re.compile(r"([0-9]{1,6})[\s._-]+(?=\S)")


def is_text_folder(path: str, files: Sequence[FoundFile]) -> bool:
    """Return whether a folder's files are texts, and not for sale.

    That is `pages` or `artists` in the library itself, with a Markdown file
    and otherwise nothing but pictures. A release.toml makes it a release.
    """
    return (
        path.lower() in _NAMES
        and any(file.suffix == MARKDOWN for file in files)
        and all(file.suffix in _SUFFIXES for file in files)
    )


def describe_sold_texts(path: str, files: Sequence[FoundFile]) -> str | None:
    """Return a note on a folder whose Markdown files look like texts.

    They are for sale: the folder is one of texts but for a file that is none,
    or it is in one of texts.
    """
    top, _, inner = path.lower().partition("/")
    if top not in _NAMES or all(file.suffix != MARKDOWN for file in files):
        return None
    if inner:
        if all(file.suffix in _SUFFIXES for file in files):
            return (
                f"{printable(path)} is a release, and its Markdown files are "
                f"for sale: only those in {top} itself are pages of the store"
            )
        return None
    reason = next(file.name for file in files if file.suffix not in _SUFFIXES)
    return (
        f"{printable(path)} is a release, since {printable(reason)} is in it: "
        "its Markdown files are for sale, and are not pages of the store"
    )


def stem(file: FoundFile) -> str:
    """Return a file's name without its suffix."""
    return file.name[: len(file.name) - len(file.suffix)]


def page_name(name: str) -> tuple[int | None, str]:
    """Return the number and the name of a page, of its file's stem.

    The number orders the menu, and isn't part of the page's address.
    """
    name = normalize_nfc(name)
    match = _NUMBERED.match(name)
    return (int(match[1]), name[match.end() :]) if match else (None, name)


def page_slug(name: str) -> str:
    """Return the address of a page below `/pages/`, of its file's stem."""
    return slug(page_name(name)[1], default="page")
