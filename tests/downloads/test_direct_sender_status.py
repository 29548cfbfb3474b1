"""A file whose status changes is hashed again, and then sent as before."""

import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from msrv.downloads.zip import ZipMember
from tests.downloads.made import noise, put
from tests.downloads.shop import SMALL, Client, Shop

HUGE = noise(30_000_000)
"""More than the buffers of both sockets hold."""


def restrict(path: Path) -> None:
    path.chmod(0o600)


def hard_link(path: Path) -> None:
    os.link(path, path.with_name("linked"))


def touch(path: Path) -> None:
    os.utime(path)


def upload_again(path: Path) -> None:
    put(path.parent, "copy", path.read_bytes())
    path.with_name("copy").replace(path)


def retag(path: Path) -> None:
    """Change bytes at the end, and put the date back."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def later(change: Callable[[Path], None], path: Path) -> None:
    """Make a change once the file system's clock has gone on."""
    then = path.stat().st_ctime_ns
    mark = path.with_name("mark")
    mark.touch()
    while mark.stat().st_ctime_ns <= then:
        mark.write_bytes(b"")
    change(path)


@pytest.mark.parametrize("name", ["huge", "small", "hugepack"])
@pytest.mark.parametrize("change", [restrict, hard_link, touch, upload_again])
async def test_a_file_of_another_status_is_sent_all_the_same(
    name: str, change: Callable[[Path], None], client: Client, shop: Shop
) -> None:
    """A chmod, or the same file uploaded again, refuses no buyer."""
    huge = shop.sell("huge", HUGE)
    small = shop.sell("small", SMALL)
    shop.pack(
        "hugepack", [ZipMember("P/huge", huge), ZipMember("P/small", small)]
    )
    later(change, shop.root / ("small" if name == "small" else "huge"))
    async with client.get(f"/{name}") as answer:
        assert answer.status == 200
        body = await answer.read()
    assert len(body) == shop.things[name][0].size_bytes
    assert (SMALL if name == "small" else HUGE) in body


@pytest.mark.parametrize("change", [restrict, hard_link, touch])
async def test_a_transfer_goes_on_when_a_file_gets_another_status(
    change: Callable[[Path], None], client: Client, shop: Shop
) -> None:
    """A backup that links to files breaks off no download."""
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        start = await answer.content.readexactly(1000)
        later(change, shop.root / "huge")
        assert start + await answer.read() == HUGE


async def test_other_bytes_under_the_old_date_never_become_whole(
    client: Client, shop: Shop
) -> None:
    """Tag editors keep a file's date, and padding its size."""
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        await answer.content.readexactly(1000)
        later(retag, shop.root / "huge")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    async with client.get("/huge", headers={"Range": "bytes=5-"}) as answer:
        assert answer.status == 503
        assert "ETag" not in answer.headers
