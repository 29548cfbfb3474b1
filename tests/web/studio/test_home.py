# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio's first page, and lists that its figures lead to."""

import re
from html import unescape
from pathlib import Path

import pytest
from yarl import URL

from msrv.web.store import STORE
from msrv.web.studio import health
from tests.ledger.sample_events import NOON, order_id, revoked, sale
from tests.polling import wait_until
from tests.web.studio.conftest import Studio, buy

DAY = 86_400


async def fill(studio: Studio) -> None:
    """Store sales of today, yesterday, and the two weeks before."""
    await studio.store_events(
        sale(1, ("zine", 300), at=NOON),
        sale(2, ("zine", 400), at=NOON),
        sale(3, ("zine", 100), at=NOON - DAY),
        sale(4, ("zine", 50), at=NOON - 6 * DAY),
        sale(5, ("zine", 900), at=NOON - 7 * DAY),
        sale(6, ("zine", 7), at=NOON - 14 * DAY),
        sale(7, ("zine", 900), at=NOON - DAY, currency="USD"),
        revoked(3),
    )


async def test_figures_are_beside_those_of_the_days_before(
    any_studio: Studio,
) -> None:
    await fill(any_studio)
    told = await any_studio.data("/studio")

    def sold(span: str, currency: str = "EUR") -> tuple[str, str, int, int]:
        row = told[span]["sales"][currency]
        return (
            told[span]["first_day"],
            told[span]["last_day"],
            row["orders"],
            row["sold_minor"],
        )

    assert sold("today") == ("2027-01-15", "2027-01-15", 2, 700)
    assert sold("yesterday") == ("2027-01-14", "2027-01-14", 1, 100)
    assert sold("week") == ("2027-01-09", "2027-01-15", 4, 850)
    assert sold("week_before") == ("2027-01-02", "2027-01-08", 1, 900)
    assert sold("week", "USD")[2:] == (1, 900)
    assert sold("today", "USD")[2:] == (0, 0)
    assert told["today"]["sales"]["EUR"]["refunded_minor"] == 100
    page = await any_studio.text("/studio")
    assert "Jan 15, 2027; days begin at midnight UTC" in page
    assert "yesterday <a" in page


async def test_every_figure_leads_to_what_it_counts(
    any_studio: Studio,
) -> None:
    """Each link to orders lists as many as the figure beside it says."""
    await fill(any_studio)
    page = unescape(await any_studio.text("/studio"))
    links = re.findall(
        r'href="(/studio/orders\?from=[^"]+&currency=[^"]+)">([0-9]+)</a>',
        page,
    )
    assert len(links) > 6
    for address, count in links:
        listed = (await any_studio.data(address))["orders"]
        assert len(listed) == int(count), address
    (refunds, *_) = re.findall(r'href="(/studio/refunds\?[^"]+)"', page)
    (refund,) = (await any_studio.data(refunds))["refunds"]
    assert refund["order_id"] == order_id(3)
    # A bar leads to the same orders as the table's row.
    bars = re.findall(r'<a href="([^"]+)" tabindex="-1"><rect', page)
    assert bars
    assert all(f'<a href="{bar}">' in page for bar in bars)


async def test_totals_of_a_span_lead_to_what_they_count(
    studio: Studio,
) -> None:
    await fill(studio)
    for span in ("month", "quarter", "year", "all"):
        page = unescape(await studio.text(f"/studio/sales?span={span}"))
        links = re.findall(
            r'<dd><a href="(/studio/orders[^"]+)">([0-9]+)</a></dd>', page
        )
        assert [count for _, count in links] == ["6", "1"]
        for address, count in links:
            listed = (await studio.data(address))["orders"]
            assert len(listed) == int(count), address


async def test_downloads_of_a_day_are_listed(
    any_studio: Studio,
) -> None:
    bought = await buy(any_studio.store, "zine")
    path = URL(bought["downloads"]["zine"]).raw_path
    await (await any_studio.store.get(path)).read()
    await any_studio.wait_until_synced()
    page = unescape(await any_studio.text("/studio"))
    started, completed = re.findall(
        r'<dd><a href="(/studio/downloads/list[^"]+)">1</a></dd>', page
    )[:2]
    for address in (started, completed):
        (found,) = (await any_studio.data(address))["downloads"]
        assert found["order_id"] == bought["order_id"]
        assert bought["order_id"][:4] in await any_studio.text(address)
    day_before = "/studio/downloads/list?from=2027-01-14&to=2027-01-14"
    assert (await any_studio.data(day_before))["downloads"] == []


async def test_what_needs_attention_is_one_line(
    studio: Studio, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This machine's disk may be almost full.
    monkeypatch.setattr(health, "disks", lambda *_: [])
    told = await studio.data("/studio")
    assert told["attention"] == []
    assert "Needs your attention" not in await studio.text("/studio")
    (library / "store.toml").write_text("nmae = 1\n", encoding="utf-8")
    await wait_until(lambda: studio.store.app[STORE].catalog.reading.problems)
    page = await studio.text("/studio")
    assert (
        '<a href="/studio/health">Needs your attention:</a> '
        "1 problem in the library" in page
    )


async def test_orders_are_filtered_by_item_and_currency(
    studio: Studio,
) -> None:
    await fill(studio)
    page = await studio.text("/studio/orders?item=zine&currency=USD")
    assert "Only orders with:" in page
    assert page.count('class="ledger-head leader"') == 1
    csv = await (
        await studio.get("/studio/orders.csv?item=zine&currency=USD")
    ).text()
    assert csv.count("\r\n") == 2
    page = await studio.text("/studio/orders?currency=EUR")
    assert "Only orders paid in EUR." in page


async def test_best_sellers_are_chosen_by_the_name_of_a_month(
    studio: Studio,
) -> None:
    await fill(studio)
    page = await studio.text("/studio/sellers?period=2027-01")
    assert '<option value="2027-01" selected>January 2027</option>' in page
    assert '<option value="2026-12"' not in page
    assert '<option value="2027">All of 2027</option>' in page
    # One that has no sales is shown as chosen all the same.
    page = await studio.text("/studio/sellers?period=2020-02")
    assert '<option value="2020-02" selected>February 2020</option>' in page
    (best, *_) = re.findall(
        r'href="(/studio/orders\?[^"]+item=zine)"',
        unescape(await studio.text("/studio/sellers?period=2027-01")),
    )
    assert len((await studio.data(best))["orders"]) == 6
