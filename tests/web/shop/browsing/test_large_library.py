# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A library of 500 releases by 120 artists, browsed from end to end."""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from msrv.settings import Settings
from tests.conftest import ROOT, Client, StartStore

pytestmark = pytest.mark.slow

JSON = {"Accept": "application/json"}
RELEASES, ARTISTS = 500, 120


def make_library(folder: Path, releases: int, artists: int) -> None:
    """Write a library with the script, in a process of its own."""
    counts = ["--releases", str(releases), "--artists", str(artists)]
    command = [sys.executable, "-m", "scripts.make_library", str(folder)]
    subprocess.run([*command, *counts], check=True, cwd=ROOT.parent)


def digest_of(folder: Path) -> str:
    """Return a digest of all files of a folder, with their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_generated_library_is_the_same_each_time(tmp_path: Path) -> None:
    make_library(tmp_path / "one", 17, 5)
    make_library(tmp_path / "two", 17, 5)
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two")


@pytest.fixture
async def shop(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store of that library alone."""
    large = library.parent / "large"
    make_library(large, RELEASES, ARTISTS)
    return await start_store(settings.model_copy(update={"library": large}))


async def pages(shop: Client, path: str) -> list[str]:
    """Return the releases of all pages of a list, in its order."""
    found: list[str] = []
    number, count = 1, 1
    while number <= count:
        mark = "&" if "?" in path else "?"
        answer = await shop.get(f"{path}{mark}page={number}", headers=JSON)
        assert answer.status == 200
        shown = await answer.json()
        count, total = shown["pages"], shown["total"]
        found += [each["release"] for each in shown["releases"]]
        number += 1
    assert len(found) == len(set(found)) == total
    return found


async def test_every_list_of_a_large_library_is_complete(shop: Client) -> None:
    everything = await pages(shop, "/catalog")
    assert len(everything) == RELEASES
    orders = ("newest", "oldest", "title", "artist", "price")
    lists = [await pages(shop, f"/catalog?sort={each}") for each in orders]
    assert all(sorted(each) == sorted(everything) for each in lists)
    assert lists[0] == everything
    assert len({tuple(each) for each in lists}) == len(orders)
    kinds = ("album", "ep", "single", "sample-pack", "book", "video")
    counts = [
        len(await pages(shop, f"/catalog?kind={kind}"))
        for kind in (*kinds, "software")
    ]
    assert min(counts) > 20
    assert sum(counts) == RELEASES
    await browse_pages(shop, everything)


async def browse_pages(shop: Client, everything: list[str]) -> None:
    """Follow the catalog's links, as visitors do, and those of the sitemap."""
    path, cards = "/catalog?sort=title", Counter[str]()
    while path:
        page = await (await shop.get(path)).text()
        assert len(page) < 60_000
        cards.update(re.findall(r'class="card-link" href="([^"]+)"', page))
        after = re.search(r'rel="next" href="([^"]+)"', page)
        path = after[1].replace("&amp;", "&") if after else ""
    assert set(cards.values()) == {1}
    assert set(cards) == {f"/catalog/{each}" for each in everything}
    sitemap = await (await shop.get("/sitemap.xml")).text()
    paths = re.findall(r"<loc>https?://[^/]+(/[^<]*)</loc>", sitemap)
    artists = [each for each in paths if each.startswith("/artists/")]
    tags = [each for each in paths if each.startswith("/tags/")]
    assert len(artists) == ARTISTS
    assert len(tags) > 20
    found = []
    for number in (1, 2):
        page = await (await shop.get(f"/artists?page={number}")).text()
        assert len(page) < 60_000
        found += re.findall(r'class="card-link" href="([^"]+)"', page)
    assert sorted(found) == sorted(artists)
    for path in (*artists[::10], *tags, *sorted(cards)[::25]):
        assert (await shop.get(path)).status == 200
