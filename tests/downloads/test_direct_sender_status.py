# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""DirectSender with files whose status changes: hashed again, then sent."""

import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from msrv.downloads.zip import ZipMember
from tests.downloads.contents import add_file, noise
from tests.downloads.file_shop import SMALL, Client, Shop

HUGE = noise(30_000_000)
"""More than the buffers of both sockets hold."""


def restrict(path: Path) -> None:
    path.chmod(0o600)


def hard_link(path: Path) -> None:
    os.link(path, path.with_name("linked"))


def touch(path: Path) -> None:
    os.utime(path)


def upload_again(path: Path) -> None:
    add_file(path.parent, "copy", path.read_bytes())
    path.with_name("copy").replace(path)


def overwrite_end(path: Path) -> None:
    """Overwrite bytes at the end, and restore the modification time."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def apply_later(change: Callable[[Path], None], path: Path) -> None:
    """Apply a change once the file system's clock has advanced."""
    then = path.stat().st_ctime_ns
    mark = path.with_name("mark")
    mark.touch()
    while mark.stat().st_ctime_ns <= then:
        mark.write_bytes(b"")
    change(path)


@pytest.mark.parametrize("name", ["huge", "small", "hugepack"])
@pytest.mark.parametrize("change", [restrict, hard_link, touch, upload_again])
async def test_file_with_another_status_is_sent(
    name: str, change: Callable[[Path], None], client: Client, shop: Shop
) -> None:
    """A chmod, or the same file uploaded again, fails no download."""
    huge = shop.sell("huge", HUGE)
    small = shop.sell("small", SMALL)
    shop.pack(
        "hugepack", [ZipMember("P/huge", huge), ZipMember("P/small", small)]
    )
    apply_later(change, shop.root / ("small" if name == "small" else "huge"))
    async with client.get(f"/{name}") as answer:
        assert answer.status == 200
        body = await answer.read()
    assert len(body) == shop.things[name][0].size_bytes
    assert (SMALL if name == "small" else HUGE) in body


@pytest.mark.parametrize("change", [restrict, hard_link, touch])
async def test_transfer_continues_when_a_status_changes(
    change: Callable[[Path], None], client: Client, shop: Shop
) -> None:
    """A backup that makes hard links fails no download."""
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        start = await answer.content.readexactly(1000)
        apply_later(change, shop.root / "huge")
        assert start + await answer.read() == HUGE


async def test_bytes_changed_under_the_old_date_are_never_a_whole_file(
    client: Client, shop: Shop
) -> None:
    """Tag editors keep a file's date and, by padding, its size."""
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        await answer.content.readexactly(1000)
        apply_later(overwrite_end, shop.root / "huge")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    async with client.get("/huge", headers={"Range": "bytes=5-"}) as answer:
        assert answer.status == 503
        assert "ETag" not in answer.headers
