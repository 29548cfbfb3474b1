# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The command that writes an order's invoice and credit notes."""

import asyncio
from dataclasses import replace
from pathlib import Path

from pypdf import PdfReader

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from tests.cli.conftest import Cli
from tests.ledger.sample_events import NOON, order_id, revoked, sale
from tests.web.invoices.test_invoice_pages import INVOICES

ORDER = order_id(1)
SPACED = [ORDER[at : at + 4] for at in range(0, 24, 4)]


async def fill(data: Path) -> None:
    database = Database.open(None, data, ConnectionRules())
    await schema_upgrade.upgrade_schema(database)
    paid = replace(sale(1), provider="stripe")
    async with database.write_transaction() as connection:
        await apply_events(
            connection,
            [
                paid,
                replace(paid, order_id=order_id(2), sold_at=NOON - 9),
                replace(paid, order_id=order_id(3), provider="code"),
                revoked(1),
            ],
        )
    await database.close()


def test_order_has_its_invoice_and_credit_note(
    cli: Cli, library: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    asyncio.run(fill(data))
    off = cli("invoice", *SPACED)
    assert off.exit_code == 1
    assert "has no invoice" in off.output
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write(INVOICES)
    files = tmp_path / "files"
    files.mkdir()
    made = cli("invoice", *SPACED, "--folder", str(files))
    assert made.exit_code == 0, made.output
    first, note = map(Path, made.stdout.split())
    # The order that was paid before it has the number before it.
    assert first.name.endswith("-00002.pdf")
    assert note.name.endswith("-00003.pdf")
    assert "Credit note" in PdfReader(note).pages[0].extract_text()
    content = first.read_bytes()
    again = cli("invoice", ORDER, "--folder", str(files))
    assert again.stdout == made.stdout
    assert first.read_bytes() == content
    assert "has no invoice" in cli("invoice", order_id(3)).output
    assert "has no order" in cli("invoice", order_id(9)).output
    assert "not an order number" in cli("invoice", "x").output
