# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Visitors of a store with a bucket behind nginx: they fetch and resume."""

import asyncio
import re
from asyncio.subprocess import PIPE
from pathlib import Path

from aiohttp import ClientError, ClientResponse, ClientSession, TCPConnector

from tests.web.shop.published.conftest import LARGE_SHA256
from tests.web.shop.published.edge import Edge

ETAG = f'"{LARGE_SHA256.hex()}"'
SECRET = re.compile(
    "x-amz|signature|credential|x-rgw|x-object|blobs/|stores/", re.IGNORECASE
)
"""What neither a buyer nor a log may see of a bucket."""


def connect(edge: Edge) -> ClientSession:
    """Return a client of a store behind an edge."""
    return ClientSession(
        edge.url, connector=TCPConnector(ssl=edge.trust, limit=0)
    )


async def fetch(
    visitor: ClientSession, path: str, **headers: str
) -> tuple[int, bytes]:
    """Return the status and the whole body of a response."""
    async with visitor.get(path, headers=headers) as response:
        assert not SECRET.search(str(response.headers))
        return response.status, await response.read()


async def read_until_cut(response: ClientResponse) -> bytes:
    """Return what comes before the connection is reset, as it has to be."""
    got = b""
    try:
        async for chunk in response.content.iter_any():
            got += chunk
    except ClientError:
        return got
    raise AssertionError("it isn't cut")


async def resume(visitor: ClientSession, path: str) -> bytes:
    """Return a file that is cut now and then, from one part after another.

    An end without an error is believed: it has to be the end of the file.
    """
    got = b""
    for _ in range(60):
        headers = {"Range": f"bytes={len(got)}-", "If-Range": ETAG}
        try:
            async with visitor.get(path, headers=headers) as response:
                if response.status == 503:
                    assert response.headers["Retry-After"]
                    continue
                assert response.status == 206
                assert response.headers["ETag"] == ETAG
                async for chunk in response.content.iter_any():
                    got += chunk
                return got
        except ClientError:
            pass
    raise AssertionError("it never ends")


async def download_many(
    prefix: Path, url: str, count: int, start: int, stop: int
) -> None:
    """Download a range many times at once, to numbered files."""
    config = "".join(
        f'url = "{url}"\noutput = "{prefix}{number}"\n'
        for number in range(count)
    )
    program = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--show-error", "--insecure", "--fail-early"),
        *("--parallel", "--parallel-immediate", "--parallel-max", str(count)),
        *("--fail", "--range", f"{start}-{stop - 1}", "--config", "-"),
        stdin=PIPE,
    )
    await program.communicate(config.encode())
    assert program.returncode == 0
