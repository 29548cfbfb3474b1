# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The cache of representations."""

from dataclasses import replace
from pathlib import Path

import pytest
from multidict import CIMultiDict

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.model import Catalog, Shop
from msrv.downloads.body import Body, FileSlice
from msrv.downloads.representation import format_http_date
from msrv.downloads.response import plan_response
from msrv.web.caches import RepresentationCache
from tests.catalog.shared_parser import load_library


@pytest.fixture
def catalog(library: Path, tmp_path: Path) -> Catalog:
    """Catalog of the small library."""
    with FileIndex.open(tmp_path / "data") as index:
        return load_library(library, index).catalog


def inodes(body: Body) -> set[int]:
    return {
        piece.content.identity.inode
        for piece in body.chunks
        if isinstance(piece, FileSlice)
    }


def test_zip_layout_is_rebuilt_when_only_file_dates_change(
    catalog: Catalog,
) -> None:
    """The version is made of the bytes; a layout also holds the files' dates
    and inodes, by which they are checked before they are sent.
    """
    packs = RepresentationCache()
    release = catalog.releases_by_id["night-bus"]
    first, body = packs.pack(catalog, release)
    assert packs.pack(catalog, release)[1] is body
    items = tuple(
        replace(
            item,
            content=replace(
                item.content, identity=item.content.identity._replace(inode=7)
            ),
        )
        for item in release.items
    )
    cover = release.cover
    assert cover is not None
    moved = replace(release, items=items, cover=None)
    touched = replace(
        moved,
        cover=replace(
            cover,
            content=replace(
                cover.content,
                identity=cover.content.identity._replace(inode=7),
            ),
        ),
    )
    later = replace(catalog, releases=(touched,))
    assert later.version == catalog.version
    again, new_body = packs.pack(later, touched)
    assert (again.etag, inodes(new_body)) == (first.etag, {7})


def test_zip_layout_is_rebuilt_when_the_shop_changes(catalog: Catalog) -> None:
    """The README in a ZIP says the shop's name."""
    packs = RepresentationCache()
    release = catalog.releases_by_id["night-bus"]
    first, _ = packs.pack(catalog, release)
    renamed = replace(catalog, shop=Shop(name="Other"))
    assert packs.pack(renamed, release)[0].etag != first.etag


def test_zip_is_not_resumed_by_its_date(catalog: Catalog) -> None:
    """A new title changes a ZIP, without a newer file."""
    packs = RepresentationCache()
    release = catalog.releases_by_id["night-bus"]
    first, _ = packs.pack(catalog, release)
    items = tuple(replace(each, title="Other") for each in release.items)
    retitled = replace(release, items=items)
    second, _ = packs.pack(replace(catalog, releases=(retitled,)), retitled)
    assert first.etag != second.etag
    date = format_http_date(release.last_modified)

    def status(**conditions: str) -> int:
        headers = CIMultiDict(
            {key.replace("_", "-"): text for key, text in conditions.items()}
        )
        now = release.last_modified + 10**6
        return plan_response(
            "GET", headers, second, now_seconds=now, cache_control=""
        ).status

    assert status(Range="bytes=9-", If_Range=date) == 200
    assert status(Range="bytes=9-", If_Unmodified_Since=date) == 412
    assert status(If_Modified_Since=date) == 200
    assert status(Range="bytes=9-", If_Range=second.etag) == 206
