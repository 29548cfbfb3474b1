# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reader of the legal texts that `[legal]` of `store.toml` names.

A file that is missing or can't be used is a problem with its line in
`store.toml`, and the text stays as it was last read. A text in another
language is beside it: `imprint.de.md` is the German one of `imprint.md`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.library.found_files import STORE_TOML, FoundFile
from msrv.catalog.markdown import split_title
from msrv.catalog.texts.legal_texts import LegalKind, LegalText
from msrv.catalog.texts.seller_texts import (
    MAX_TEXT_BYTES,
    clean_markdown,
    open_file,
)
from msrv.catalog.texts.text_folders import page_name, stem
from msrv.display_text import clean_line, normalize_nfc, printable, reason_of
from msrv.storage.model import FileIdentity
from msrv.toml_file import Problem
from msrv.translations.catalogs import NAMES

Key = tuple[LegalKind, str]
"""Kind and language of a text."""
KnownTexts = Mapping[Key, tuple[FoundFile, LegalText]]
"""Texts of the last load, with their files."""


class _Unfit(Exception):
    """A file can't be used; the message is half a sentence on it."""


def read_legal_texts(
    root: Path,
    store: StoreConfig,
    files: Sequence[FoundFile],
    *,
    known: KnownTexts,
    are_changing: bool = False,
    problems: list[Problem],
) -> KnownTexts:
    """Return the texts that `store.toml` names; add to `problems`.

    `files` are those beside it, whose names may be in another Unicode form,
    and `known` the texts of the last load, which stay while files
    `are_changing`.
    """
    if known and are_changing:
        return known
    by_name = {normalize_nfc(file.path): file for file in files}
    found: dict[Key, tuple[FoundFile, LegalText]] = {}
    for kind, name in store.legal_files:
        for language, file_name in _file_names(
            normalize_nfc(name), by_name, store.shop.language
        ):
            key = kind, language
            file, old = by_name.get(file_name), known.get(key)
            try:
                if file is None:
                    raise _Unfit("which is not beside it")
                if old is None or old[0] != file:
                    old = file, _read(root, key, file)
            except _Unfit as error:
                kept = "not shown" if old is None else "not updated"
                problems.append(
                    Problem(
                        STORE_TOML,
                        store.lines.get(f"legal.{kind}"),
                        f"'{kind}' is {printable(file_name)}, {error}; {kept}",
                    )
                )
            if old is not None:
                found[key] = old
    return found


def _file_names(
    name: str, by_name: Mapping[str, FoundFile], own_language: str
) -> Iterator[tuple[str, str]]:
    """Yield the languages of a text, the store's own first, with the files."""
    yield own_language, name
    start, _, suffix = name.rpartition(".")
    for language in NAMES:
        other = f"{start}.{language}.{suffix}"
        if other in by_name and language != own_language:
            yield language, other


def _read(root: Path, key: Key, file: FoundFile) -> LegalText:
    """Return a text. Raises _Unfit."""
    if file.size_bytes > MAX_TEXT_BYTES:
        raise _Unfit(f"which is over {MAX_TEXT_BYTES >> 10} KiB")
    try:
        with open(root / file.path, "rb", opener=open_file) as source:
            # The scan has seen that this file is inside of the library.
            if not FileIdentity.of(os.fstat(source.fileno())).is_same(
                file.identity
            ):
                raise _Unfit("which is being changed")
            data = source.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise _Unfit(f"which can't be read: {reason_of(error)}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unfit("which is not UTF-8") from error
    found = split_title(clean_markdown(text))
    if not found.body:
        raise _Unfit("which has no text")
    kind, language = key
    # As of pages: without the number that orders them in the menu.
    name = page_name(stem(file))[1].removesuffix(f".{language}")
    title = clean_line(found.title) or clean_line(name) or str(kind)
    return LegalText(kind, language, title, found.body, file.path)
