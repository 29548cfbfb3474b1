# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CSV of what each artist sold."""

import pytest

from msrv.web.studio import artist_sales
from tests.conftest import Clock
from tests.ledger.sample_events import NOON, revoked, sale
from tests.web.studio.conftest import JSON, Studio
from tests.web.studio.test_csv_export import read

DAY = 86_400


async def fill(studio: Studio) -> None:
    """Store sales of January, December and October, in two currencies."""
    await studio.store_events(
        sale(1, ("departure", 100), ("zine", 0), at=NOON),
        sale(2, ("departure", 150), at=NOON, currency="JPY"),
        sale(3, ("departure", 100), at=NOON - 20 * DAY),
        sale(4, ("night-bus", 800), at=NOON - 90 * DAY),
        sale(5, ("departure", 100), at=NOON - 90 * DAY),
        sale(6, ("gone", 500), at=NOON),
        revoked(3),
    )


async def test_rows_are_by_artist_item_currency_and_month(
    any_studio: Studio,
) -> None:
    await fill(any_studio)
    answer = await any_studio.get("/studio/artists.csv")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="artists-by-month.csv"'
    )
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = read(await answer.text())
    assert list(rows[0]) == list(artist_sales.COLUMNS)
    by_item = {
        (each["period"], each["item_id"], each["currency"]): each
        for each in rows
    }
    assert len(by_item) == len(rows) == 7
    december = by_item["2026-12", "departure", "EUR"]
    assert december["title"] == "Departure"
    assert december["release"] == "Night Bus"
    assert (december["sold"], december["revenue"]) == ("1", "1.00")
    assert (december["refunds"], december["kept"]) == ("1.00", "0.00")
    yen = by_item["2027-01", "departure", "JPY"]
    assert (yen["sold_minor"], yen["revenue"]) == ("150", "150")
    # What isn't in the library any more has the title it was sold under.
    gone = by_item["2027-01", "gone", "EUR"]
    assert (gone["artist"], gone["release"], gone["title"]) == (
        "",
        "",
        "Gone",
    )
    artists = [each["artist"] for each in rows]
    assert artists == sorted(artists, key=str.casefold)
    await any_studio.wait_until_synced()
    (act, *_) = (await any_studio.data("/studio/activity"))["acts"]
    assert act["act"] == "export-artists"


async def test_months_are_summed_by_quarter(any_studio: Studio) -> None:
    await fill(any_studio)
    rows = read(
        await (
            await any_studio.get(
                "/studio/artists.csv?by=quarter&from=2026-10&to=2026-12"
            )
        ).text()
    )
    assert {each["period"] for each in rows} == {"2026-Q4"}
    (departure,) = (each for each in rows if each["item_id"] == "departure")
    assert (departure["sold"], departure["sold_minor"]) == ("2", "200")
    assert departure["kept_minor"] == "100"


async def test_sales_are_read_in_batches(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(studio)
    whole = await (await studio.get("/studio/artists.csv")).text()
    monkeypatch.setattr(artist_sales, "_BATCH", 2)
    assert await (await studio.get("/studio/artists.csv")).text() == whole
    monkeypatch.setattr(artist_sales, "MAX_ROWS", 3)
    answer = await studio.get("/studio/artists.csv", **JSON)
    assert answer.status == 400
    assert (await answer.json())["field"] == "from"


async def test_export_needs_a_recent_sign_in(
    studio: Studio, clock: Clock
) -> None:
    clock.now += 3599
    assert (await studio.get("/studio/artists.csv")).status == 200
    clock.now += 1
    assert (await studio.get("/studio/artists.csv")).status in {401, 403}
