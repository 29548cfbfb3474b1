# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The OSS report in the studio."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msrv.ledger.events import Sale
from msrv.ledger.reversals.event import Reversal
from msrv.taxes.quarters import Quarter
from msrv.taxes.sale_tax import CountryEvidence, SaleTax
from msrv.web.store import STORE
from msrv.web.studio.legal import oss
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.polling import wait_until
from tests.web.studio.conftest import Studio
from tests.web.studio.test_csv_export import read

BOTH = ("billing-address", "card")
TOML = 'tax_included = true\ntax = { country = "DE", rates = { FR = "20" } }\n'


def _sold(
    number: int, at: int, *countries: str, rate_bp: int | None = 2000
) -> Sale:
    """Return a sale of 12.00 with a tax of 2.00 in it."""
    tax = SaleTax(
        countries[0],
        tuple(map(CountryEvidence, BOTH, countries)),
        None if rate_bp is None else 200,
        rate_bp=rate_bp,
    )
    made = sale(number, ("departure", 1200), at=at)
    return replace(made, provider="stripe", tax=tax)


def _refund(name: str, number: int, minor: int, at: int) -> Reversal:
    """Return a refund of an order of 12.00."""
    return Reversal(
        provider="stripe",
        reversal_id=name,
        order_id=order_id(number),
        kind="refund",
        status="succeeded",
        amount_minor=minor,
        paid_minor=1200,
        created_at=at,
        seen_at=at,
        by="stripe",
    )


@pytest.fixture
async def filled(studio: Studio, clock: Clock, library: Path) -> Studio:
    """Return a studio after a quarter with sales of each group."""
    path = library / "store.toml"
    path.write_text(TOML + path.read_text("utf-8"), encoding="utf-8")
    store = studio.store.app[STORE]
    await wait_until(lambda: store.catalog.current.shop.tax.country == "DE")
    last = Quarter.of(clock.now).shifted(-1)
    earlier = last.shifted(-1)
    await studio.store_events(
        _sold(1, last.since, "FR", "FR"),
        _sold(2, last.since, "FR"),
        _sold(3, last.since, "DE", "DE", rate_bp=1900),
        _sold(4, last.since, "US", "US", rate_bp=None),
        _sold(5, last.since, "FR", "BE"),
        replace(_sold(6, last.since, "FR"), tax=None),
        _sold(7, last.since, "AT", "AT", rate_bp=None),
        _sold(8, earlier.since, "FR", "FR"),
        _refund("re_1", 8, 600, last.since),
    )
    return studio


def _of(data: dict[str, Any], part: str) -> dict[tuple[str, str], Any]:
    return {(each["group"], each["country"]): each for each in data[part]}


async def test_report_is_of_the_last_quarter(
    filled: Studio, clock: Clock
) -> None:
    last = Quarter.of(clock.now).shifted(-1)
    data = await filled.data("/studio/oss")
    assert data["quarter"] == str(last)
    assert data["own_country"] == "DE"
    assert data == await filled.data(f"/studio/oss?quarter={last}")
    sales = _of(data, "sales")
    assert sales["oss", "FR"]["rate"] == "20"
    assert sales["oss", "FR"]["orders"] == 2
    assert sales["oss", "FR"]["left"] == {
        "net_minor": 2000,
        "tax_minor": 400,
        "gross_minor": 2400,
    }
    assert sales["own-country", "DE"]["sold"]["gross_minor"] == 1200
    assert sales["outside-eu", "US"]["rate"] is None
    assert data["with_one_evidence"] == 1
    correction = _of(data, "corrections")["oss", "FR"]
    assert correction["sale_quarter"] == str(last.shifted(-1))
    assert correction["left"]["tax_minor"] == -100
    assert {
        each["order_id"]: each["reason"] for each in data["undecided"]
    } == {
        order_id(5): "contradiction",
        order_id(6): "no-country",
        order_id(7): "no-rate",
    }
    assert data["undecided_count"] == 3


async def test_page_shows_each_part_and_its_limits(filled: Studio) -> None:
    page = await filled.text("/studio/oss")
    for text in (
        "France",
        "20%",
        "€20.00",
        "−€1.00",  # noqa: RUF001 - a minus
        "The evidence names several countries: Belgium, France.",
        "There is no rate for Austria.",
        "Your own country",
        "United States",
        "The country is not known.",
        f"/studio/orders/{order_id(5)}",
        "one of these sales there is only one piece of evidence",
    ):
        assert text in page, text
    assert "Your own country is not set" not in page
    order = await filled.text(f"/studio/orders/{order_id(1)}")
    assert "20%, €2.00, in the price" in order
    assert "Billing address" in order


async def test_file_has_the_sums(filled: Studio) -> None:
    answer = await filled.get("/studio/oss.csv")
    assert answer.status == 200
    rows = read(await answer.text())
    assert list(rows[0]) == list(oss.COLUMNS)
    (correction,) = (each for each in rows if each["part"] == "correction")
    assert (correction["tax_minor"], correction["tax"]) == ("-100", "-1.00")
    assert sum(int(each["sold_gross_minor"]) for each in rows) == 7 * 1200
    for each in rows:
        net, tax, gross = (
            int(each[f"{name}_minor"]) for name in ("net", "tax", "gross")
        )
        assert net + tax == gross
    await filled.wait_until_synced()
    acts = (await filled.data("/studio/activity"))["acts"]
    assert "export-oss" in {each["act"] for each in acts}


async def test_empty_report_says_what_is_missing(studio: Studio) -> None:
    page = await studio.text("/studio/oss?quarter=2020-Q1")
    assert "No sales in this quarter." in page
    assert "Your own country is not set" in page
    assert "has not ended yet" not in page
    assert "has not ended yet" in await studio.text(
        "/studio/oss?quarter=2099-Q1"
    )
    answer = await studio.get("/studio/oss?quarter=2026-13")
    assert answer.status == 400
    assert "must be a quarter like 2026-Q4" in await answer.text()


async def test_no_country_is_chosen_before_the_seller_does(
    filled: Studio,
) -> None:
    path = f"/studio/orders/{order_id(6)}"
    (before,) = _country_choices(await filled.text(path))
    assert before.startswith('required><option value="">Choose a country<')
    assert " selected" not in before
    answer = await filled.post(f"{path}/country", country="", rate="")
    assert answer.status == 400
    await filled.post(f"{path}/country", country="FR")
    (after,) = _country_choices(await filled.text(path))
    assert re.findall(r'value="(..)" selected', after) == ["FR"]


def _country_choices(page: str) -> list[str]:
    return re.findall(r'name="country" (.+?)</select>', page, re.DOTALL)


async def test_country_is_decided_by_hand_and_taken_back(
    filled: Studio,
) -> None:
    """Sales of 12.00: contradiction, no country, no rate."""

    async def decide(
        number: int, status: int = 200, **form: str
    ) -> dict[str, Any]:
        answer = await filled.post(
            f"/studio/orders/{order_id(number)}/country",
            {"Accept": "application/json"},
            **form,
        )
        assert answer.status == status, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    before = await filled.data("/studio/oss")
    made = await decide(5, country="be", rate="21")
    assert made["decision"]["tax_minor"] == 208
    # The seller's own rate of France; Austria's has to be stated.
    made = await decide(6, country="FR")
    assert (made["decision"]["rate_bp"], made["decision"]["tax_minor"]) == (
        2000,
        200,
    )
    refused = await decide(7, 400, country="AT")
    assert refused["field"] == "rate"
    await decide(7, country="US")
    await decide(7, country="AT", rate="20")
    for number, status, form in (
        (5, 400, {"country": "XX"}),
        (5, 400, {"country": "FR", "rate": "a"}),
        (5, 400, {"country": "FR", "rate": "101"}),
        (1, 400, {"country": "FR"}),
        (1, 404, {"undo": "1"}),
        (99, 404, {"country": "FR"}),
    ):
        await decide(number, status, **form)

    data = await filled.data("/studio/oss")
    assert data["undecided"] == []
    assert data["undecided_count"] == 0
    sales = _of(data, "sales")
    assert {
        country: (each["orders"], each["decided"], each["sold"]["tax_minor"])
        for (group, country), each in sales.items()
        if group == "oss"
    } == {"AT": (1, 1, 200), "BE": (1, 1, 208), "FR": (3, 1, 600)}
    for report in (before, data):
        assert (
            sum(each["sold"]["gross_minor"] for each in report["sales"])
            == 7 * 1200
        )
    assert [each["order_id"] for each in data["decided"]] == [
        order_id(5),
        order_id(6),
        order_id(7),
    ]
    page = await filled.text("/studio/oss")
    assert "Decided by hand" in page
    assert "Belgium, 21%" in page
    rows = read(await (await filled.get("/studio/oss.csv")).text())
    assert {
        row["country"]: row["orders_decided_by_hand"]
        for row in rows
        if row["group"] == "oss" and row["part"] == "sales"
    } == {"AT": "1", "BE": "1", "FR": "1"}

    order = await filled.text(f"/studio/orders/{order_id(5)}")
    assert "Belgium, 21%" in order
    assert "Undo the decision" in order
    proven = await filled.text(f"/studio/orders/{order_id(1)}")
    assert "Decide the country" not in proven
    for number in (5, 6, 7):
        await decide(number, undo="1")
    assert await filled.data("/studio/oss") == before
    await filled.wait_until_synced()
    acts = (await filled.data("/studio/activity"))["acts"]
    assert {
        (each["act"], each["subject"])
        for each in acts
        if each["subject"].startswith(order_id(7))
    } == {
        ("decide-country", f"{order_id(7)}.US"),
        ("decide-country", f"{order_id(7)}.AT"),
        ("undo-country", order_id(7)),
    }


async def test_refund_of_a_decided_sale_takes_its_share_of_the_tax(
    filled: Studio, clock: Clock
) -> None:
    last = Quarter.of(clock.now).shifted(-1)
    await filled.store_events(_refund("re_2", 5, 1200, last.before))
    path = f"/studio/orders/{order_id(5)}/country"
    answer = await filled.post(path, country="BE", rate="21")
    assert answer.status == 303
    data = await filled.data(f"/studio/oss?quarter={last.shifted(1)}")
    (correction,) = data["corrections"]
    assert (correction["group"], correction["country"]) == ("oss", "BE")
    assert correction["decided"] == 1
    assert correction["left"] == {
        "net_minor": -992,
        "tax_minor": -208,
        "gross_minor": -1200,
    }
