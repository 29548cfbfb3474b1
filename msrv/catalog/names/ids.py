# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of releases and items, derived from names alone and so permanent."""

import base64
import functools
import hashlib
import os
import re
import unicodedata
from typing import Final

SLUG_CHARS: Final = 23
_DIGEST_CHARS: Final = 8
_LEADING_NUMBER: Final = re.compile(r"^\d{1,3}(?:-\d{1,3})?[\s._-]+(?=\S)")


def release_id(folder: str) -> str:
    """Return the id of a release from its folder's path in the library."""
    name = folder.rpartition("/")[2]
    return _readable_id(name, folder)


def item_id(release: str, file_name: str) -> str:
    """Return the id of an item from its release's id and its file's name.

    For a file on one of several discs, `file_name` is its path in the
    release's folder. Other files of the folder don't matter. Since the seed
    is the release's id and not its folder, pinning the id that a release
    already has changes nothing.
    """
    name = file_name.rpartition("/")[2]
    return _readable_id(stem_without_number(name), release, file_name)


def stem_without_number(file_name: str) -> str:
    """Return a file's name without its suffix and its leading number."""
    stem = os.path.splitext(file_name)[0]
    return _LEADING_NUMBER.sub("", stem) or stem


def slug(text: str, default: str = "item") -> str:
    """Return a name in `a-z`, `0-9` and `-`, of SLUG_CHARS at most.

    `default` stands for a name without any of them.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not plain.isascii():
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:SLUG_CHARS].rstrip("-") or default


@functools.lru_cache(maxsize=4096)
def tag_slug(name: str) -> str:
    """Return a tag's name for addresses.

    It is equal for spellings that differ in case, accents or punctuation. A
    name that doesn't fit has a digest in it, so that no two are alike.
    """
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[\W_]+", "-", plain).strip("-")
    readable = slug(name, default="tag")
    return readable if readable == words else f"{readable}-{_digest(words)}"


def _readable_id(name: str, *seeds: str) -> str:
    return f"{slug(name)}-{_digest(*seeds)}"


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
