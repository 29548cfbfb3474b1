# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads: their limits, and a ZIP's identity."""

import os
from pathlib import Path

import pytest

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.polling import wait_until

JSON = {"Accept": "application/json"}


@pytest.fixture
async def long(library: Path) -> Path:
    """Return a free item that is larger than both sockets' buffers."""
    folder = library / "Long"
    folder.mkdir()
    with (folder / "long.bin").open("wb") as file:
        file.truncate(50_000_000)
    (folder / "release.toml").write_text(
        'id = "long-release"\ntitle = "Long"\n'
        '[items."long.bin"]\nid = "long"\nprice = "0"\n',
        encoding="utf-8",
    )
    return folder


async def link(store: Client) -> str:
    """Buy the large item, and return its link's path."""
    answer = await store.post(
        "/purchases", data={"item": "long"}, headers=JSON
    )
    url: str = (await answer.json())["downloads"]["long"]
    return "/" + url.split("/", 3)[3]


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("max_downloads", "store_is_full"),
        ("max_downloads_per_client", "enough_at_once"),
    ],
)
@pytest.mark.usefixtures("long")
async def test_downloads_beyond_the_limit_get_503(
    start_store: StartStore, settings: Settings, setting: str, code: str
) -> None:
    store = await start_store(settings.model_copy(update={setting: 1}))
    path = await link(store)
    async with store.get(path) as running:
        assert running.status == 200
        async with store.get(path, headers=JSON) as refused:
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert (await refused.json())["error"] == code
            assert "ETag" not in refused.headers
        assert len(await running.read()) == 50_000_000
    async with store.get(path) as again:
        assert again.status == 200
        assert len(await again.read()) == 50_000_000


async def test_zip_is_unchanged_by_new_dates_of_its_files(
    store: Client, library: Path
) -> None:
    """A touch, or the same album uploaded again, changes no byte of it."""
    answer = await store.post(
        "/purchases", data={"item": "zine"}, headers=JSON
    )
    assert answer.status == 201
    album = library / "Free"
    album.mkdir()
    for number in (1, 2):
        (album / f"{number}.pdf").write_bytes(b"%%PDF-1.4 %d %%%%EOF" % number)
    # Without a date, the times of its files would be its place in the catalog.
    toml = 'id = "free"\nprice = "0"\ndate = "2026"\n'
    (album / "release.toml").write_text(toml)
    catalog = store.server.app[STORE].catalog  # type: ignore[attr-defined] # a TestServer
    await wait_until(lambda: "free" in catalog.current.by_id)
    answer = await store.post(
        "/purchases", data={"item": "free"}, headers=JSON
    )
    url: str = (await answer.json())["downloads"]["free"]
    path = "/" + url.split("/", 3)[3]
    async with store.get(path) as first:
        assert first.status == 200
        etag, data = first.headers["ETag"], await first.read()
    before = catalog.current
    for file in album.iterdir():
        os.utime(file, (1, 1))
    async with store.get(path) as meanwhile:
        assert (meanwhile.status, await meanwhile.read()) == (200, data)
    await wait_until(lambda: catalog.current is not before)
    await wait_until(lambda: not catalog.reading.waiting)
    assert catalog.current.version == before.version
    async with store.get(path) as after:
        assert (after.status, after.headers["ETag"]) == (200, etag)
        assert await after.read() == data
