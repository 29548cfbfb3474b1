# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The `operators` command, and links for named operators."""

import json
import time

from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from tests.cli.conftest import Cli


def test_operators_are_managed_and_get_links(
    shop_cli: Cli, keyring: Keyring
) -> None:
    assert shop_cli("ledger", "upgrade").exit_code == 0
    assert "no operators" in shop_cli("operators", "list").stdout
    added = shop_cli("operators", "add", "anna", "--role", "read-only")
    assert added.exit_code == 0, added.stderr
    assert "role      read-only" in added.stdout
    twice = shop_cli("operators", "add", "anna", "--role", "owner")
    assert twice.exit_code == 1
    assert "there is an operator 'anna' already" in twice.stderr
    assert shop_cli("operators", "add", "boris").exit_code == 2
    assert "sales" in shop_cli("operators", "role", "anna", "sales").stdout

    link = shop_cli("studio", "--operator", "anna", "--no-qr").stdout
    ticket = sign_in.read(
        keyring,
        sign_in.TicketKind.LINK,
        link.strip().rpartition("/")[2],
        int(time.time()),
    )
    assert len(ticket.operator_id) == 12

    assert shop_cli("operators", "remove", "anna").exit_code == 0
    refused = shop_cli("studio", "--operator", "anna")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is no operator 'anna'" in refused.stderr
    (row,) = json.loads(shop_cli("operators", "list", "--json").stdout)
    assert (row["name"], row["role"]) == ("anna", "sales")
    assert row["ended_at"] >= row["created_at"]
    assert "anna  sales" in shop_cli("operators", "list").stdout
