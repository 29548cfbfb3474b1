# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Preparation of a library, with what this machine's ffmpeg can do."""

import hashlib
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.catalog.covers import Covers
from msrv.catalog.encodings import worker
from msrv.catalog.encodings.encoder import EncoderBuild, inspect_ffmpeg
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import load_library
from msrv.catalog.previews import Previews
from msrv.catalog.published.preparation import (
    LibraryTools,
    PreparedLibrary,
    prepare,
)
from msrv.catalog.texts.release_texts import ReleaseTexts
from msrv.storage.local import LocalStorage
from tests.catalog import shared_parser
from tests.catalog.encodings.masters import write_single


async def test_an_encoder_that_is_missing_keeps_no_other_from_encoding(
    ffmpeg: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inspect(program: str) -> EncoderBuild:
        found = inspect_ffmpeg(program)
        return replace(found, formats=found.formats - {"opus-128"})

    monkeypatch.setattr(worker, "inspect_ffmpeg", inspect)
    root = tmp_path / "library"
    write_single(ffmpeg, root, "mp3-v0", "opus-128")
    made = await prepare_library(root, tmp_path / "data", ffmpeg)
    assert made.missing_encodings == 1
    (encoding,) = (
        each for each in made.library.encodings if each.format_name == "mp3-v0"
    )
    assert encoding.content.size_bytes


async def test_a_file_of_a_cache_is_not_held_in_memory(
    pristine_library: Path, tmp_path: Path
) -> None:
    library, data = tmp_path / "library", tmp_path / "data"
    path = library / "Single" / "zine.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes((pristine_library / "Zine" / "zine.pdf").read_bytes())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    clip = data / "previews" / f"{digest}.mp3"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(bytes(30_000_000))
    tracemalloc.start()
    try:
        made = await prepare_library(library, data, None)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 15_000_000
    (source,) = (each for each in made.sources if each.path == clip.name)
    assert source.size_bytes == 30_000_000
    with source.open() as file:
        assert hashlib.sha256(file.read()).digest() == source.sha256


async def prepare_library(
    root: Path, data: Path, ffmpeg: str | None
) -> PreparedLibrary:
    """Read a library, and prepare it; its caches are in `data`."""
    with FileIndex.open(data) as index:
        catalog = load_library(
            root, index, parser=shared_parser.shared()
        ).catalog
    storage = LocalStorage(root)
    previews = Previews(None, root, data / "previews")
    covers = Covers(storage, data / "covers", shared_parser.shared())
    try:
        return await prepare(
            catalog,
            LibraryTools(
                storage,
                covers,
                previews,
                EncodingStore(data / "encodings"),
                data,
                ffmpeg,
                1,
                ReleaseTexts(data),
            ),
            now=0,
        )
    finally:
        for each in (previews, covers, storage):
            await each.aclose()
