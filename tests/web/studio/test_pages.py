# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio's pages, as HTML and as JSON."""

import dataclasses
import re

import pytest
from yarl import URL

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.polling import wait_until
from tests.web.studio.conftest import JSON, Studio, buy

PAGES = [
    "/studio",
    "/studio/sales",
    "/studio/sales?span=quarter",
    "/studio/sales?span=year",
    "/studio/sales?span=all",
    "/studio/sellers",
    "/studio/sellers?period=2027-01",
    "/studio/orders",
    "/studio/orders?q=nothing",
    "/studio/orders?from=2020-01-01&to=2020-01-02",
    "/studio/orders?currency=EUR&item=zine",
    "/studio/downloads",
    "/studio/releases",
    "/studio/releases?q=nothing&state=hidden&period=2026",
    "/studio/releases/night-bus",
    "/studio/downloads/list",
    "/studio/downloads/list?from=2026-01-01&to=2026-01-31&completed=1",
    "/studio/refunds",
    "/studio/refunds?from=2026-01-01&to=2026-01-31",
    "/studio/webhooks",
    "/studio/health",
]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_of_an_empty_ledger(studio: Studio, path: str) -> None:
    page = await studio.text(path)
    assert "<h1" in page
    answer = await studio.get(path)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "noindex" in page
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?! src=)|<style| style=| on\w+=", page)
    assert (await studio.get(path, **JSON)).headers[
        "Cache-Control"
    ] == "private, no-store"


async def test_granted_order_is_shown_as_given(studio: Studio) -> None:
    given_order = dataclasses.replace(
        sale(1, ("night-bus", 0), reference="bandcamp:4027001"),
        provider="grant",
    )
    await studio.store_events(given_order)
    page = await studio.text(f"/studio/orders/{order_id(1)}")
    assert "<dt>Paid</dt><dd>given by the seller</dd>" in page
    assert "bandcamp:4027001" in page
    assert "given by the seller" in await studio.text("/studio/orders")
    found = await studio.text("/studio/orders?q=bandcamp:4027001")
    assert "1 order matching" in found
    refund = await studio.text(f"/studio/orders/{order_id(1)}/revoke")
    assert "This doesn't move any money.</p>" in refund.replace("&#39;", "'")
    csv = await (await studio.get("/studio/orders.csv")).text()
    assert '"grant","bandcamp:4027001"' in csv
    told = await studio.data(f"/studio/orders/{order_id(1)}")
    receipt = await studio.store.get(URL(told["receipt"]).path)
    assert "<dd>given by the seller</dd>" in await receipt.text()


async def test_sales_page_shows_what_was_paid(any_studio: Studio) -> None:
    await buy(any_studio.store, "night-bus", "umbrella")
    await buy(any_studio.store, "departure")
    await buy(any_studio.store, "zine")
    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/sales")
    assert (told["first_day"], told["last_day"]) == (
        "2026-12-17",
        "2027-01-15",
    )
    (euros,) = told["sales"]
    assert euros["currency"] == "EUR"
    assert euros["total"] == {
        "orders": 3,
        "items": 4,
        "sold_minor": 950,
        "refunds": 0,
        "refunded_minor": 0,
        "kept_minor": 950,
    }
    assert len(euros["rows"]) == 30
    assert euros["rows"][-1]["label"] == "2027-01-15"
    assert euros["rows"][-1]["sold_minor"] == 950
    assert [each["sold"] for each in told["best_sellers"]] == [1, 1, 1, 1]
    assert told["revenue"][0]["kept_minor"] == 950
    page = await any_studio.text("/studio/sales")
    assert "€9.50" in page
    assert "Jan 15, 2027: €9.50" in page
    for span, label in (
        ("quarter", "2027-01-11"),
        ("year", "2027-01"),
        ("all", "2027-01"),
    ):
        told = await any_studio.data(f"/studio/sales?span={span}")
        row = told["sales"][0]["rows"][-1]
        assert (row["label"], row["sold_minor"]) == (label, 950)
    (best, *_) = (await any_studio.data("/studio/sellers?period=2027-01"))[
        "best_sellers"
    ]
    assert best["sold"] == 1
    assert (await any_studio.data("/studio/sellers?period=2026"))[
        "best_sellers"
    ] == []


async def test_order_page_shows_progress_of_a_download(
    any_studio: Studio,
) -> None:
    bought = await buy(any_studio.store, "departure", "night-bus")
    link = URL(bought["downloads"]["departure"]).raw_path
    receipt = await any_studio.store.get(
        URL(bought["receipt"]).raw_path, headers=JSON
    )
    part = (await receipt.json())["items"][1]["parts"][1]["download"]
    await (await any_studio.store.get(link)).read()
    answer = await any_studio.store.get(
        URL(part).raw_path, headers={"Range": "bytes=0-99"}
    )
    assert len(await answer.read()) == 100
    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/downloads")
    assert (told["total"]["begun"], told["total"]["completed"]) == (2, 1)
    page = await any_studio.text("/studio/downloads")
    assert "50%" in page
    page = await any_studio.text(f"/studio/orders/{bought['order_id']}")
    assert "Wrong Stop (Night Bus)" in page
    assert "complete, " in page
    assert "1% of" in page


async def test_opened_receipt_is_not_kept_in_the_operator_s_browser(
    studio: Studio,
) -> None:
    """Nor after its form, which leads to the page again."""
    bought = await buy(studio.store, "zine")
    await studio.wait_until_synced()
    page = await studio.text(f"/studio/orders/{bought['order_id']}")
    (link,) = re.findall(r'class="button" href="([^"]+)">Open<', page)
    assert link == f"{bought['receipt']}?keep=0"
    path = URL(link).raw_path_qs
    opened = await (await studio.store.get(path)).text()
    assert "Receipt" in opened
    assert "data-purchase" not in opened
    # The address that the page shows is the buyer's.
    assert f">{bought['receipt']}</textarea>" in opened
    buyers = await (await studio.store.get(URL(link).raw_path)).text()
    assert "data-purchase=" in buyers
    assert "data-purchase-kept" in buyers


async def test_order_is_found_by_what_buyers_send(studio: Studio) -> None:
    bought = await buy(studio.store, "zine", "departure")
    await buy(studio.store, "zine")
    await studio.wait_until_synced()
    number, receipt = bought["order_id"], bought["receipt"]
    for text in (
        receipt,
        f"Hello,\nmine is <{receipt}?gift=1>. It fails",
        bought["downloads"]["zine"],
        f"Receipt {number[:4]}",
        f"{number}.",
    ):
        path = str(URL("/studio/orders").with_query(q=text))
        (order,) = (await studio.data(path))["orders"]
        assert order["order_id"] == number
        assert "1 order matching" in await studio.text(path)
    page = await studio.text("/studio/orders")
    (field,) = re.findall(r'<input id="q"[^>]*>', page)
    assert "maxlength" not in field


async def test_orders_are_searchable_and_paginated(
    any_studio: Studio, clock: Clock
) -> None:
    sold = []
    for _ in range(53):
        sold.append((await buy(any_studio.store, "zine"))["order_id"])
        clock.now += 1
    await any_studio.wait_until_synced()
    first = await any_studio.data("/studio/orders")
    assert len(first["orders"]) == 50
    page = await any_studio.text(first["older"])
    assert "Newest" in page
    second = await any_studio.data(first["older"])
    assert second["older"] is None
    found = [each["order_id"] for each in first["orders"] + second["orders"]]
    assert found == sold[::-1]
    shown = " ".join(sold[7][at : at + 4] for at in range(0, 24, 4))
    for words in (sold[7][:8], shown.lower(), sold[7]):
        path = str(URL("/studio/orders").with_query(q=words))
        (order,) = (await any_studio.data(path))["orders"]
        assert order["order_id"] == sold[7]
    for days, count in (
        ("from=2027-01-15&to=2027-01-15", 50),
        ("to=2027-01-14", 0),
        ("from=2027-01-16", 0),
    ):
        told = await any_studio.data(f"/studio/orders?{days}")
        assert len(told["orders"]) == count
    page = await any_studio.text("/studio/orders?from=2027-01-15")
    assert "from=2027-01-15&amp;after=" in page


@pytest.mark.parametrize(
    "path",
    [
        "/studio/sales?span=forever",
        "/studio/sellers?period=13",
        "/studio/sellers?period=2026-13",
        "/studio/orders?from=yesterday",
        "/studio/orders?to=1969-12-31",
        "/studio/orders?after=1",
        "/studio/orders?after=x.AAAA",
        "/studio/orders.csv?from=31.12.2026",
        "/studio/orders?currency=euro",
        "/studio/orders?item=%2F",
        "/studio/refunds?after=1.2.3",
        "/studio/refunds?from=2026-02-30",
        "/studio/downloads/list?after=1.2.3.4",
        "/studio/downloads/list?to=never",
        "/studio/artists.csv?from=2026",
        "/studio/artists.csv?by=year",
        "/studio/refunds?after=%00",
        f"/studio/orders/{order_id(1)}/revoke?item=%22",
    ],
)
async def test_invalid_query_parameter_is_400(
    studio: Studio, path: str
) -> None:
    answer = await studio.get(path, **JSON)
    assert answer.status == 400
    assert (await answer.json())["error"] == "bad_field"
    answer = await studio.get(path)
    assert answer.status == 400
    page = await answer.text()
    # It explains itself within the studio, and leads back to the page.
    assert f'href="{path.partition("?")[0]}"' in page
    assert 'href="/studio/leave"' in page or 'action="/studio/leave"' in page


@pytest.mark.parametrize(
    "path",
    [
        "/studio/nowhere",
        "/studio/orders/AAAA",
        f"/studio/orders/{order_id(9)}",
        f"/studio/orders/{order_id(9)}/revoke",
    ],
)
async def test_unknown_order_is_404(studio: Studio, path: str) -> None:
    assert (await studio.get(path)).status == 404


async def test_order_page_has_the_buyers_receipt(any_studio: Studio) -> None:
    bought = await buy(any_studio.store, "night-bus", "zine")
    await any_studio.wait_until_synced()
    told = await any_studio.data(f"/studio/orders/{bought['order_id']}")
    assert told["receipt"] == bought["receipt"]
    link = URL(told["links"]["night-bus"]).raw_path
    assert (await any_studio.store.get(link)).status == 200
    page = await any_studio.text(f"/studio/orders/{bought['order_id']}")
    assert bought["receipt"] in page


@pytest.mark.parametrize(
    "path",
    [
        *(page for page in PAGES if "health" not in page),
        "/studio/orders.csv",
        "/studio/artists.csv",
        f"/studio/orders/{order_id(1)}",
        f"/studio/orders/{order_id(1)}/revoke",
    ],
)
async def test_pages_are_503_while_the_database_is_unavailable(
    offline_studio: Studio, path: str
) -> None:
    answer = await offline_studio.get(path)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "10"
    page = await answer.text()
    assert "The database is unavailable" in page
    assert "nothing is lost" in page
    told = await (await offline_studio.get(path, **JSON)).json()
    assert told["error"] == "ledger_resting"
    assert "a:b@" not in page + str(told)


async def test_title_with_markup_is_escaped(
    studio: Studio, settings: Settings
) -> None:
    toml = settings.library_folder / "Zine" / "release.toml"
    toml.write_text(
        toml.read_text("utf-8").replace('"Zine"', '"<script>x</script>"'),
        encoding="utf-8",
    )
    assert studio.store.app is not None
    live = studio.store.app[STORE].catalog
    await wait_until(
        lambda: "<" in live.current.releases_by_id["zine-issue"].title
    )
    bought = await buy(studio.store, "zine")
    await studio.wait_until_synced()
    for path in (
        "/studio",
        "/studio/orders",
        f"/studio/orders/{bought['order_id']}",
        f"/studio/orders?q={'%3Cscript%3E'}",
    ):
        assert "<script>" not in await studio.text(path)
