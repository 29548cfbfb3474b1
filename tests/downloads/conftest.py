# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shop on a real socket, and an HTTP client."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from msrv.downloads import sendfile
from msrv.downloads.zip import ZipMember
from tests.downloads.file_shop import LARGE, SMALL, Client, Shop


@pytest.fixture(params=["by the kernel", "by us"])
def send_path(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Send files by sendfile, or by reading: the guarantees are the same."""
    if request.param == "by us":
        monkeypatch.setattr(sendfile, "_IS_SUPPORTED", False)


@pytest.fixture
async def shop(
    tmp_path: Path,
    send_path: None,  # noqa: ARG001 - it sets the stage
) -> AsyncIterator[Shop]:
    """Shop of one large and one small file, an empty one, and a ZIP."""
    shop = Shop(tmp_path)
    large = shop.sell("large", LARGE)
    small = shop.sell("small", SMALL)
    empty = shop.sell("empty", b"")
    shop.pack(
        "pack",
        [
            ZipMember("P/large.wav", large),
            ZipMember("P/small.wav", small),
            ZipMember("P/empty.wav", empty),
            ZipMember("P/README.txt", b"words"),
        ],
    )
    yield shop
    assert shop.storage.still_open() == 0


@pytest.fixture
async def client(
    shop: Shop, aiohttp_client: Callable[[TestServer], Awaitable[Client]]
) -> Client:
    """HTTP client of the shop."""
    return await aiohttp_client(shop.server())
