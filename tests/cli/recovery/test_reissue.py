# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`reissue`: what it counts, prints and refuses."""

import csv
import io
from pathlib import Path

from msrv.mail.outbox import Outbox
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.cli.conftest import Cli
from tests.conftest import NONCE

MAIL = {
    "MSRV_SMTP_URL": "smtp://localhost:1",
    "MSRV_MAIL_FROM": "shop@example.org",
    "MSRV_PUBLIC_URL": "https://shop.example",
}


def test_orders_without_an_address_are_listed_with_new_receipts(
    cli: Cli, tmp_path: Path
) -> None:
    buyers = tmp_path / "buyers.csv"
    buyers.write_text("email,order\nann@example.org,1\n", encoding="utf-8")
    given = cli("grant", str(buyers), "night-bus", **MAIL)
    assert given.exit_code == 0, given.output
    old = next(csv.DictReader(io.StringIO(given.stdout)))["receipt"]
    nonce = f"{NONCE}, replaced"
    counted = cli("reissue", **MAIL, NONCE=nonce)
    assert counted.exit_code == 0, counted.output
    assert counted.stdout == ""
    assert "nothing was changed" in counted.stderr
    result = cli("reissue", "--send", **MAIL, NONCE=nonce)
    assert result.exit_code == 0, result.output
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert row["reason"] == "no address"
    assert row["reference"] == "list:1"
    assert row["receipt"] != old
    token = row["receipt"].removeprefix("https://shop.example/purchases/")
    new = receipts.read(Keyring.from_nonces(nonce), token)
    assert new == receipts.read(
        Keyring.from_nonces(NONCE), old.rpartition("/")[2]
    )
    assert Outbox(tmp_path / "data" / "outbox").pending() == []
    none = cli("reissue", "--before", "2020-01-01", **MAIL, NONCE=nonce)
    assert "orders" in none.stderr
    assert " 0" in none.stderr.splitlines()[0]


def test_store_without_mail_cannot_send(shop_cli: Cli) -> None:
    result = shop_cli("reissue", "--send")
    assert result.exit_code == 1
    assert "--send needs MSRV_SMTP_URL" in result.output
