# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The releases in the studio: state, problems, and what was sold."""

import dataclasses
import re
from html import unescape
from pathlib import Path
from types import MappingProxyType

import pytest

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Catalog
from msrv.settings import Settings
from msrv.toml_file import Problem
from msrv.web.store import STORE
from msrv.web.studio.releases import overview
from tests.catalog.shared_parser import load_library
from tests.ledger.sample_events import NOON, revoked, sale
from tests.polling import wait_until
from tests.web.studio.conftest import Studio

DAY = 86_400
ZINE = "zine-issue"
"""Id of the release, whose one file is the item `zine`."""


@pytest.fixture
def catalog(library: Path, tmp_path: Path) -> Catalog:
    """Return the catalog of the small library."""
    with FileIndex.open(tmp_path / "data") as index:
        return load_library(library, index).catalog


async def fill(studio: Studio) -> None:
    """Store sales of an album, its tracks, and a book."""
    await studio.store_events(
        sale(1, ("night-bus", 250), at=NOON),
        sale(2, ("departure", 100), at=NOON - 20 * DAY),
        sale(3, ("departure", 120), at=NOON, currency="USD"),
        sale(4, ("zine", 0), at=NOON),
        revoked(1),
    )


def current(studio: Studio) -> LoadedLibrary:
    """Return the library that the store has loaded."""
    assert studio.store.app is not None
    return studio.store.app[STORE].catalog.reading


async def test_releases_are_listed_with_their_sales(
    any_studio: Studio,
) -> None:
    await fill(any_studio)
    told = await any_studio.data("/studio/releases")
    by_id = {each["release_id"]: each for each in told["releases"]}
    assert told["count"] == len(by_id) == 3
    album = by_id["night-bus"]
    assert (album["state"], album["title"]) == ("offered", "Night Bus")
    assert album["sales"] == [
        {
            "currency": "EUR",
            "sold": 2,
            "sold_minor": 350,
            "refunded": 1,
            "refunded_minor": 250,
        },
        {
            "currency": "USD",
            "sold": 1,
            "sold_minor": 120,
            "refunded": 0,
            "refunded_minor": 0,
        },
    ]
    page = await any_studio.text("/studio/releases")
    assert "2 sold, €3.50" in page
    assert 'href="/catalog/night-bus"' in page
    december = await any_studio.data("/studio/releases?period=2026-12")
    by_id = {each["release_id"]: each for each in december["releases"]}
    assert [each["sold"] for each in by_id["night-bus"]["sales"]] == [1]
    assert by_id[ZINE]["sales"] == []


async def test_releases_are_searched_and_filtered(
    studio: Studio, settings: Settings
) -> None:
    async def titles(query: str) -> list[str]:
        told = await studio.data(f"/studio/releases?{query}")
        return [each["title"] for each in told["releases"]]

    assert await titles("q=NIGHT") == ["Night Bus"]
    assert await titles("q=nothing+like+it") == []
    assert len(await titles("state=offered")) == 3
    assert await titles("state=hidden") == []
    toml = settings.library_folder / "Zine" / "release.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(f"hidden = true\n{text}", encoding="utf-8")
    await wait_until(
        lambda: current(studio).catalog.releases_by_id[ZINE].hidden
    )
    assert len(await titles("state=hidden")) == 1
    page = await studio.text("/studio/releases?state=hidden")
    assert "hidden" in page
    assert "Show all" in page
    for wrong in ("state=x", "period=x", "page=x"):
        answer = await studio.get(f"/studio/releases?{wrong}")
        assert answer.status == 400
    assert (await studio.get("/studio/releases?page=2")).status == 404


async def test_problems_are_shown_with_file_and_line(
    studio: Studio, settings: Settings
) -> None:
    toml = settings.library_folder / "Zine" / "release.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(f'price = "<b>"\n{text}', encoding="utf-8")
    (settings.library_folder / "store.toml").write_text(
        "nmae = 1\n", encoding="utf-8"
    )
    await wait_until(lambda: len(current(studio).problems) > 1)
    told = await studio.data("/studio/releases?state=attention")
    (zine,) = told["releases"]
    assert zine["release_id"] == ZINE
    assert zine["problems"][0].startswith("Zine/release.toml")
    (outside,) = told["problems"]
    assert outside.startswith("store.toml")
    for path in ("/studio/releases", f"/studio/releases/{ZINE}"):
        page = await studio.text(path)
        assert "<bdi>Zine/release.toml</bdi>, line 1:" in page
        assert "<b>" not in page


def test_problem_belongs_to_the_innermost_release(catalog: Catalog) -> None:
    """What isn't of a release is kept apart, and so is what only waits."""
    problem = Problem("Night Bus/disc 2/01.flac", None, "is damaged")
    held = Problem("Night Bus", None, "is held back")
    new = Problem("New", None, "is held back")
    near = Problem("Night Bus 2/a.flac", None, "is damaged")
    state = overview.library_state(
        LoadedLibrary(
            catalog,
            problems=(problem, held, new, near),
            held=frozenset({held, new}),
        )
    )
    by_id = {each.release.release_id: each for each in state.releases}
    assert by_id["night-bus"].problems == (problem,)
    assert by_id["night-bus"].waiting == (held,)
    assert (state.problems, state.waiting) == ((near,), (new,))


def test_sales_under_a_former_id_are_those_of_the_release(
    catalog: Catalog,
) -> None:
    moved = dataclasses.replace(
        catalog,
        moved=MappingProxyType({"old-name": "departure", "x": "zine"}),
    )
    ids = overview.sold_ids(moved, catalog.releases_by_id["night-bus"])
    assert ids["old-name"] == "departure"
    assert ids["night-bus"] == "night-bus"
    assert "x" not in ids


async def test_figures_of_a_release_lead_to_its_orders(
    any_studio: Studio,
) -> None:
    await fill(any_studio)
    told = await any_studio.data("/studio/releases/night-bus")
    sold = {
        each["item_id"]: sum(one["sold"] for one in each["sales"])
        for each in told["items"]
    }
    assert (sold["night-bus"], sold["departure"]) == (1, 2)
    assert told["months"]["2026-12"][0]["sold_minor"] == 100
    page = unescape(await any_studio.text("/studio/releases/night-bus"))
    links = re.findall(r'href="(/studio/orders\?[^"]+)">([0-9]+)</a>', page)
    of_release = {each for each, _ in links if "&release=" in each}
    assert len(links) == 3 + len(of_release)
    assert len(of_release) == sum(map(len, told["months"].values())) == 3
    for address, count in links:
        listed = (await any_studio.data(address))["orders"]
        lines = [
            line
            for order in listed
            for line in order["lines"]
            if line["item_id"] in sold
        ]
        is_item = address not in of_release
        assert len(listed if is_item else lines) == int(count), address
    # The sums of the whole time, too.
    totals = re.findall(r'<dd><a href="(/studio/orders\?[^"]+)">', page)
    assert totals == [
        "/studio/orders?currency=EUR&release=night-bus",
        "/studio/orders?currency=USD&release=night-bus",
    ]
    # What was refunded leads to the orders of which it was.
    refunds = set(re.findall(r'"(/studio/orders\?[^"]+refunded=1)"', page))
    assert refunds == {
        "/studio/orders?currency=EUR&item=night-bus&refunded=1",
        "/studio/orders?currency=EUR&release=night-bus&refunded=1",
    }
    for address in {*refunds, "/studio/orders?refunded=1"}:
        (order,) = (await any_studio.data(address))["orders"]
        assert order["refunded_minor"] == 250
        shown = await any_studio.text(address)
        assert "only orders with a refund" in shown.lower()
    csv = await any_studio.text("/studio/orders.csv?refunded=1")
    assert len(csv.splitlines()) == 2
    sellers = unescape(await any_studio.text("/studio/sellers"))
    assert "currency=EUR&item=night-bus&refunded=1" in sellers
    csv = await any_studio.text(totals[1].replace("orders?", "orders.csv?"))
    listed = (await any_studio.data(totals[1]))["orders"]
    assert len(csv.splitlines()) == 1 + len(listed)
    shown = await any_studio.text(totals[1])
    assert "Only orders with" in shown
    assert (await any_studio.get("/studio/orders?release=A B")).status == 400
    assert 'href="/studio/give?item=night-bus"' in page
    january = await any_studio.data(
        "/studio/releases/night-bus?period=2027-01"
    )
    assert [each["item_id"] for each in january["items"] if each["sales"]] == [
        "night-bus",
        "departure",
    ]
    assert (await any_studio.get("/studio/releases/nothing")).status == 404


@pytest.mark.parametrize(
    "path", ["/studio/releases", f"/studio/releases/{ZINE}"]
)
async def test_pages_are_503_without_the_database(
    offline_studio: Studio, path: str
) -> None:
    assert (await offline_studio.get(path)).status == 503
