# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Export and erasure of what is held of one order, as commands."""

import asyncio
import json
from pathlib import Path

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered
from tests.cli.conftest import Cli
from tests.ledger.sample_events import NOON, order_id, sale

ORDER = order_id(1)
SPACED = [ORDER[at : at + 4] for at in range(0, 24, 4)]


async def fill(data: Path) -> None:
    database = Database.open(None, data, ConnectionRules())
    await schema_upgrade.upgrade_schema(database)
    async with database.write_transaction() as connection:
        await apply_events(
            connection,
            [
                sale(1, ("song", 100)),
                Delivered(ORDER, "song", "0" * 16, 9, ((0, 9),), NOON),
            ],
        )
    await database.close()


def test_order_is_exported_and_erased(cli: Cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    asyncio.run(fill(data))
    outbox = data / "outbox"
    outbox.mkdir()
    (outbox / f"{ORDER}.json").write_text('{"to": "kim@example.net"}')
    (outbox / f"{order_id(2)}.json").write_text("{}")

    shown = json.loads(cli("legal", "export", *SPACED).stdout)
    assert shown["can_be_erased"]["downloads"][0]["delivered_bytes"] == 9
    assert shown["can_be_erased"]["outbox"] == [{"to": "kim@example.net"}]
    assert "tax law" in shown["has_to_be_kept"]["orders"]["reason"]

    counted = cli("legal", "erase", *SPACED).stdout
    assert "1 row of the ledger and 1 waiting mail can be erased" in counted
    assert len(list(outbox.iterdir())) == 2
    erased = cli("legal", "erase", *SPACED, "--yes").stdout
    assert "1 row of the ledger and 1 waiting mail erased" in erased
    assert "kept: orders: the accounts" in erased
    assert [each.stem for each in outbox.iterdir()] == [order_id(2)]

    # One that can't be read any more may hold an address all the same.
    (outbox / f"{ORDER}-gift.damaged").write_text('{"to": "kim@exa')
    (outbox / "withdrawal-1.damaged").write_text(
        json.dumps({"kind": "withdrawal", "order_id": ORDER, "buyer": "Kim"})
    )
    shown = json.loads(cli("legal", "export", *SPACED).stdout)
    assert shown["can_be_erased"]["outbox"] == [
        {"file": f"{ORDER}-gift.damaged"},
        {"kind": "withdrawal", "order_id": ORDER, "buyer": "Kim"},
    ]
    assert "2 waiting mails erased" in (
        cli("legal", "erase", *SPACED, "--yes").stdout
    )
    assert [each.stem for each in outbox.iterdir()] == [order_id(2)]

    with_number = f"purchases of {ORDER}"
    found = outbox / f"{order_id(2)}-found-1.json"
    found.write_text(json.dumps({"kind": "found", "of": with_number}))
    kept = {
        "confirmations": ("withdrawal", "to confirm a withdrawal"),
        "notifications": ("seller", "to the seller"),
    }
    for kind, _ in kept.values():
        fields = {"kind": kind, "of": with_number}
        (outbox / f"{kind}-1.json").write_text(json.dumps(fields))
    shown = json.loads(cli("legal", "export", *SPACED).stdout)
    assert shown["can_be_erased"]["outbox"] == [
        {"kind": "found", "of": with_number}
    ]
    for name, (kind, _) in kept.items():
        (row,) = shown["has_to_be_kept"][name]["rows"]
        assert row["kind"] == kind
    erased = cli("legal", "erase", *SPACED, "--yes").stdout
    assert "0 rows of the ledger and 1 waiting mail erased" in erased
    for kind, reason in kept.values():
        assert f"kept: 1 waiting mail: {reason}" in erased
        assert (outbox / f"{kind}-1.json").exists()
    assert not found.exists()
    # As if it were sent after it was listed.
    (outbox / "gone.json").symlink_to(outbox / "sent.json")
    assert cli("legal", "erase", *SPACED).exit_code == 0

    for number, message in (
        (order_id(9), "nothing is held of order"),
        ("nonsense", "is not an order number"),
    ):
        refused = cli("legal", "erase", number)
        assert refused.exit_code != 0
        assert message in refused.stderr
