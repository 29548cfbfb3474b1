# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of releases and items, derived from names alone and so permanent.

An id is a readable part and a digest. `former_release_id`, `former_item_id`
and `former_slug` are the rule of version 1.0, whose readable part left out
letters of other scripts than Latin: receipts and links have those ids.
"""

import base64
import functools
import hashlib
import os
import re
import unicodedata
from typing import Final

from msrv.catalog.names.transliteration import (
    spell_out,
    transliterate,
    without_accents,
)

SLUG_CHARS: Final = 23
_DIGEST_CHARS: Final = 8
_LEADING_NUMBER: Final = re.compile(r"^\d{1,3}(?:-\d{1,3})?[\s._-]+(?=\S)")


def release_id(folder: str) -> str:
    """Return the id of a release from its folder's path in the library."""
    return f"{slug(_last_part(folder))}-{_digest(folder)}"


def former_release_id(folder: str) -> str:
    """Return the id that version 1.0 gave a release."""
    return f"{former_slug(_last_part(folder))}-{_digest(folder)}"


def item_id(release: str, file_name: str) -> str:
    """Return the id of an item from its release's id and its file's name.

    For a file on one of several discs, `file_name` is its path in the
    release's folder. Other files of the folder don't matter. Since the seed
    is the release's id and not its folder, pinning the id that a release
    already has changes nothing.
    """
    readable = slug(stem_without_number(_last_part(file_name)))
    return f"{readable}-{_digest(release, file_name)}"


def former_item_id(release: str, file_name: str) -> str:
    """Return the id that version 1.0 gave an item."""
    readable = former_slug(stem_without_number(_last_part(file_name)))
    return f"{readable}-{_digest(release, file_name)}"


def stem_without_number(file_name: str) -> str:
    """Return a file's name without its suffix and its leading number."""
    stem = os.path.splitext(file_name)[0]
    return _LEADING_NUMBER.sub("", stem) or stem


def slug(text: str, default: str = "item") -> str:
    """Return a name in `a-z`, `0-9` and `-`, of SLUG_CHARS at most.

    Letters of other scripts are transliterated, and a name of signs alone is
    spelt out, if those have names. `default` stands for any other name.
    """
    words = _words(transliterate(text)) or _words(spell_out(text))
    return words[:SLUG_CHARS].rstrip("-") or default


def former_slug(text: str) -> str:
    """Return what version 1.0 made of a name, `item` for one without words."""
    return _words(without_accents(text))[:SLUG_CHARS].rstrip("-") or "item"


def is_same_in_version_1_0(file_name: str) -> bool:
    """Return whether version 1.0 surely gave this file the same id.

    It differs for letters that aren't ASCII, and for names without words.
    """
    stem = stem_without_number(_last_part(file_name))
    return stem.isascii() and any(map(str.isalnum, stem))


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]


@functools.lru_cache(maxsize=4096)
def tag_slug(name: str) -> str:
    """Return a tag's name for addresses.

    It is equal for spellings that differ in case, accents or punctuation. A
    name that doesn't fit has a digest in it, so that no two are alike.
    """
    words = re.sub(r"[\W_]+", "-", without_accents(name)).strip("-")
    readable = slug(words, default="tag")
    return readable if readable == words else f"{readable}-{_digest(words)}"


def _digest(*seeds: str) -> str:
    """Return 40 bits of SHA-256 in base32, for names with the same slug.

    Composed and decomposed letters are equal, so that copies of a library on
    macOS and on Linux have the same ids.
    """
    sha256 = hashlib.sha256()
    for seed in seeds:
        data = unicodedata.normalize("NFC", seed).encode(
            "utf-8", "surrogateescape"
        )
        sha256.update(len(data).to_bytes(4, "big") + data)
    return base64.b32encode(sha256.digest()[:5]).decode("ascii").lower()
