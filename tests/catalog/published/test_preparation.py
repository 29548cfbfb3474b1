# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Preparation of a library, with what this machine's ffmpeg can do."""

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
from msrv.catalog.published.preparation import Workshop, prepare
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
    root, data = tmp_path / "library", tmp_path / "data"
    write_single(ffmpeg, root, "mp3-v0", "opus-128")
    with FileIndex.open(data) as index:
        catalog = load_library(
            root, index, parser=shared_parser.shared()
        ).catalog
    storage = LocalStorage(root)
    previews = Previews(None, root, data / "previews")
    covers = Covers(storage, data / "covers", shared_parser.shared())
    made = await prepare(
        catalog,
        Workshop(
            storage,
            covers,
            previews,
            EncodingStore(tmp_path / "encodings"),
            data,
            ffmpeg,
            1,
            ReleaseTexts(data),
        ),
        now=0,
    )
    assert made.missing_encodings == 1
    (encoding,) = (
        each for each in made.library.encodings if each.format_name == "mp3-v0"
    )
    assert encoding.content.size_bytes
    for each in (previews, covers, storage):
        await each.aclose()
