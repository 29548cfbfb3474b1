# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`msrv verify`: what a link or a receipt is, and whether it is genuine."""

import re
from pathlib import Path

from msrv.ledger.revocations import FILE_NAME, Revocations, RevokedItems
from tests.cli.conftest import Cli


def test_verify_explains_links(shop_cli: Cli) -> None:
    good = shop_cli("link", "departure").stdout
    result = shop_cli("verify", good)
    assert result.exit_code == 0
    assert "a link" in result.stdout
    assert "Departure" in result.stdout
    old = shop_cli("link", "departure", "--until", "2020-02-03T04:05Z").stdout
    result = shop_cli("verify", old)
    assert result.exit_code == 1
    assert "expired  2020-02-03 04:05 UTC" in result.stdout
    result = shop_cli("verify", "https://localhost/download/a/b/c")
    assert result.exit_code == 1
    assert result.stdout.startswith("This grants nothing")


def test_verify_finds_a_link_in_a_mail(shop_cli: Cli) -> None:
    link = shop_cli("link", "departure").stdout.strip()
    mail = f"> Hello,\n> my link {link[:70]}=\n> {link[70:]}. Thanks!\n"
    assert "Departure" in shop_cli("verify", mail).stdout
    assert "Departure" in shop_cli("verify", "-", stdin=mail).stdout


def test_verify_reports_refunds(shop_cli: Cli, tmp_path: Path) -> None:
    link = shop_cli("link", "departure").stdout.strip()
    order_id = link.split("/")[-3][:24]
    revocations = Revocations(tmp_path / "data" / FILE_NAME)
    taken = RevokedItems(
        whole=False, items=frozenset({"departure"}), kept=frozenset()
    )
    revocations.replace({order_id: taken}, 1)
    revocations.save()
    result = shop_cli("verify", link)
    assert result.exit_code == 1
    assert re.search("^refunded +Departure$", result.stdout, re.MULTILINE)
    assert "grants" not in result.stdout
    (tmp_path / "data" / FILE_NAME).write_text("damaged")
    result = shop_cli("verify", link)
    assert result.exit_code == 0
