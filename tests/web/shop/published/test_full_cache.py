# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads through nginx whose cache is on a disk that is full."""

from pathlib import Path

from aiohttp import ClientError

from tests.conftest import Client
from tests.containers.deployer import small_disks
from tests.optional_programs import require
from tests.web.shop.published.conftest import LARGE, Link
from tests.web.shop.published.edge import running_edge
from tests.web.shop.published.edge_visitors import ETAG, connect, resume


async def test_download_is_cut_and_goes_on_once_there_is_space(
    replicas: list[Client], bucket_url: str, tmp_path: Path, link: Link
) -> None:
    """A slice is written to the disk before it is sent."""
    missing = small_disks.lack()
    require("mount", available=missing is None, reason=missing or "")
    ports = [each.server.port or 0 for each in replicas]
    folder = tmp_path / "edge"
    with (
        small_disks.small_disk(folder / "cache", 3_000_000) as disk,
        running_edge(folder, ports, bucket_url) as edge,
    ):
        async with connect(edge) as visitor:
            got = b""
            for _ in range(3):
                headers = {"Range": f"bytes={len(got)}-", "If-Range": ETAG}
                try:
                    async with visitor.get(
                        link("zine"), headers=headers
                    ) as response:
                        async for chunk in response.content.iter_any():
                            got += chunk
                except ClientError:
                    continue
                raise AssertionError("a part of it looks whole")
            assert LARGE.startswith(got)
            assert len(got) < len(LARGE)
            small_disks.resize(disk, 50_000_000)
            assert await resume(visitor, link("zine")) == LARGE
