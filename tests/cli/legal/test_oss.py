# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`msrv oss`: a quarter's sums on the command line."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from msrv.cli.legal.oss_output import report_text
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.schema_upgrade import prepare_schema
from msrv.ledger.events import Event, Revoked
from msrv.taxes.oss_report import OssReport, UndecidedReason, UndecidedSale
from msrv.taxes.quarters import Quarter
from msrv.taxes.sale_amounts import TaxedOrder
from msrv.taxes.sale_tax import SaleTax
from tests.cli.conftest import Cli
from tests.ledger.sample_events import order_id, sale

Q4 = Quarter(2026, 4)
FRENCH = SaleTax("FR", tax_minor=200, rate_bp=2000)


async def _fill(data: Path, events: list[Event]) -> None:
    database = Database.open(None, data, ConnectionRules())
    try:
        await prepare_schema(database)
        async with database.write_transaction() as connection:
            await apply_events(connection, events)
    finally:
        await database.close()


def test_report_is_printed_as_tables_and_as_json(cli: Cli) -> None:
    sold = replace(
        sale(1, ("song", 1200), at=Q4.since), provider="stripe", tax=FRENCH
    )
    unknown = replace(sold, order_id=order_id(2), tax=None)
    earlier = replace(sold, order_id=order_id(3), sold_at=Q4.since - 1)
    back = Revoked(order_id(3), "", Q4.since * 1000, "cli")
    data = Path(cli.environ["MSRV_DATA"])
    asyncio.run(_fill(data, [sold, unknown, earlier, back]))
    made = cli("oss", "2026-q4", "--json")
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["quarter"] == "2026-Q4"
    assert found["own_country"] is None
    assert [each["group"] for each in found["sales"]] == ["oss", "undecided"]
    assert found["corrections"][0]["left"]["gross_minor"] == -1200
    assert found["undecided"][0]["order_id"] == order_id(2)
    text = cli("oss", "2026-Q4").stdout
    assert "OSS report 2026-Q4 (UTC), own country: not set" in text
    assert "2026-Q3  FR        20%" in text
    assert f"{order_id(2)}  EUR  12.00  no-country" in text
    assert "more" not in text
    assert "10.00" in text
    assert "-12.00" in text
    wrong = cli("oss", "2026-13")
    assert wrong.exit_code == 2
    assert "must be a quarter like 2026-Q4" in wrong.stderr


def test_country_is_decided_and_taken_back(cli: Cli) -> None:
    sold = replace(
        sale(1, ("song", 1200), at=Q4.since), provider="stripe", tax=None
    )
    data = Path(cli.environ["MSRV_DATA"])
    proven = replace(
        sold, order_id=order_id(2), tax=SaleTax("US", tax_minor=0)
    )
    asyncio.run(_fill(data, [sold, proven]))

    def report() -> dict[str, Any]:
        made = cli("oss", "2026-Q4", "--json")
        assert made.exit_code == 0, made.output
        found: dict[str, Any] = json.loads(made.stdout)
        return found

    before = report()
    needed = cli("oss", "decide", order_id(1), "FR")
    assert needed.exit_code == 1
    assert "the rate of the tax in FR is needed" in needed.stderr
    grouped = " ".join(re.findall("....", order_id(1).lower()))
    made = cli("oss", "decide", grouped, "fr", "--rate", "20")
    assert made.exit_code == 0, made.output
    assert "rate      20%" in made.stdout
    (row,) = (each for each in report()["sales"] if each["group"] == "oss")
    assert (row["country"], row["decided"]) == ("FR", 1)
    assert row["left"]["tax_minor"] == 200
    text = cli("oss", "2026-Q4").stdout
    assert f"{order_id(1)}  FR  cli" in text
    for wrong, status in (
        (("decide", order_id(2), "FR", "--rate", "20"), 1),
        (("decide", order_id(3), "FR"), 1),
        (("decide", "x", "FR"), 1),
        (("decide", order_id(1), "XX"), 2),
        (("decide", order_id(1), "FR", "--rate", "x"), 2),
        (("undo", order_id(2)), 1),
    ):
        assert cli("oss", *wrong).exit_code == status, wrong
    assert cli("oss", "undo", order_id(1)).exit_code == 0
    assert report() == before


def test_report_says_how_many_undecided_sales_it_leaves_out() -> None:
    report = OssReport(Q4, "DE", (), (), (), 1200, 0)
    order = TaxedOrder(order_id(1), Q4.since, "EUR", 0, None)
    sales = (UndecidedSale(order, UndecidedReason.NO_COUNTRY),)
    text = report_text(replace(report, undecided=sales))
    assert text.endswith("no-country\nand 1,199 more")


def test_ledger_without_tables_is_an_error(cli: Cli) -> None:
    made = cli("oss")
    assert made.exit_code == 1
    assert "Error" in made.stderr
    assert made.stdout == ""
