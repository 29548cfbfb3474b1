# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bought releases that can be downloaded in several formats."""

import asyncio
from dataclasses import dataclass

import pytest

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.catalog.encodings.masters import EncodedLibrary, write_album
from tests.conftest import Client, StartStore
from tests.web.purchases import JSON, buy, path_of

_FORMATS = ("mp3-v0", "flac")


@pytest.fixture(scope="session")
def encoded(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> EncodedLibrary:
    """An album that was encoded once, for all tests of this folder."""
    folder = tmp_path_factory.mktemp("formats")
    write_album(ffmpeg, folder / "library", *_FORMATS)
    library = EncodedLibrary(
        ffmpeg, folder / "library", folder / "data", folder / "encodings"
    )
    asyncio.run(library.encode_all())
    return library


@dataclass
class Bought:
    """A store, and the links of what was bought there."""

    store: Client
    receipt: str
    release: str
    album: str
    tracks: dict[str, str]


@pytest.fixture
async def bought(
    start_store: StartStore, settings: Settings, encoded: EncodedLibrary
) -> Bought:
    """The album, bought from a store that encodes nothing by itself."""
    store = await start_store(
        settings.model_copy(
            update={
                "library": encoded.root,
                "encodings": encoded.encodings,
                "encode_jobs": 0,
            }
        )
    )
    assert store.app is not None
    (release,) = store.app[STORE].catalog.current.releases
    order = await buy(store, release.release_id)
    receipt = path_of(order["receipt"])
    data = await (await store.get(receipt, headers=JSON)).json()
    (line,) = data["items"]
    return Bought(
        store,
        receipt,
        release.release_id,
        path_of(line["download"]),
        {each["title"]: path_of(each["download"]) for each in line["parts"]},
    )
