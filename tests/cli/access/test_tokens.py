# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The `tokens` command, and the record of what other commands change."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.database import FILE_NAME, Database
from msrv.ledger.operators.act_queries import list_acts
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.operators.tokens import parse_token
from msrv.ledger.segments import SUFFIX, read_records
from msrv.ledger.spool import SPOOL_NAME
from tests.cli.conftest import Cli
from tests.ledger.sample_events import order_id


def test_token_is_created_listed_and_revoked(cli: Cli) -> None:
    assert cli("ledger", "upgrade").exit_code == 0
    assert "no tokens" in cli("tokens", "list").stdout
    scopes = ("--scope", "orders:read", "--scope", "sales:read")
    made = cli("tokens", "create", "accounting", *scopes, "--days", "90")
    assert made.exit_code == 0, made.stderr
    presented = parse_token(made.stdout.strip())
    assert presented is not None
    assert "isn't shown again" in made.stderr
    (row,) = json.loads(cli("tokens", "list", "--json").stdout)
    assert row["scopes"] == ["orders:read", "sales:read"]
    assert row["expires_at"] - row["created_at"] == 90 * 86_400
    shown = cli("tokens", "list").stdout
    assert "accounting  orders:read sales:read" in shown
    assert presented.secret not in shown + json.dumps(row)
    again = cli("tokens", "create", "accounting", *scopes, "--days", "1")
    assert "there is a token 'accounting' already" in again.stderr
    assert cli("tokens", "revoke", "accounting").exit_code == 0
    twice = cli("tokens", "revoke", "accounting")
    assert twice.exit_code == 1
    assert "there is no valid token 'accounting'" in twice.stderr


def test_token_needs_a_scope_and_an_end(cli: Cli) -> None:
    for wrong in (
        ("--days", "1"),
        ("--scope", "orders:read"),
        ("--scope", "orders:read", "--days", "366"),
        ("--scope", "orders:write", "--days", "1"),
    ):
        assert cli("tokens", "create", "a", *wrong).exit_code == 2, wrong


async def recorded(data: Path) -> list[tuple[str, str, str]]:
    """Return the acts of a data folder, the first one first."""
    database = Database.open(None, data, ConnectionRules())
    try:
        async with database.read_transaction() as connection:
            found = await list_acts(connection)
    finally:
        await database.close()
    return sorted((each.act, each.subject, each.actor) for each in found)


def waiting(data: Path) -> list[tuple[str, str, str]]:
    """Return the acts in the spool of a data folder."""
    found: list[tuple[str, str, str]] = []
    for path in sorted(data.glob(f"{SPOOL_NAME}/*/*{SUFFIX}")):
        found += [
            (each.act, each.subject, each.actor)
            for each in read_records(path, 0).events
            if isinstance(each, OperatorAct)
        ]
    return sorted(found)


MINT = ("codes", "mint", "--item", "night-bus", "--campaign", "vinyl")


def test_acts_that_need_no_database_are_recorded(
    shop_cli: Cli, tmp_path: Path
) -> None:
    """Also while the database is away."""
    data = tmp_path / "data"
    wanted = [
        ("make-codes", "vinyl.5-9:night-bus", "cli"),
        ("make-link", "", "cli"),
    ]

    def run_both(**environ: str) -> None:
        for command in (
            ("studio", "--no-qr"),
            (*MINT, "--first", "5", "--count", "5"),
        ):
            result = shop_cli(*command, **environ)
            assert result.exit_code == 0, (command, result.output)
            assert "not recorded" not in result.stderr

    # Before the first start there is nothing to record it in.
    data.mkdir()
    assert shop_cli("studio").exit_code == 0
    assert list(data.iterdir()) == []

    away = "mariadb://someone@127.0.0.1:1/nothing"
    run_both(MSRV_DATABASE=away)
    assert waiting(data) == wanted
    shutil.rmtree(data / SPOOL_NAME)

    assert shop_cli("ledger", "upgrade").exit_code == 0
    run_both()
    assert asyncio.run(recorded(data)) == wanted
    assert waiting(data) == []

    # Of an older version: its store wouldn't know what to do with it.
    with sqlite3.connect(data / FILE_NAME) as database:
        database.execute("UPDATE alembic_version SET version_num = '0005'")
    assert "warning: not recorded in the activity log" in (
        shop_cli("studio", "--no-qr").stderr
    )
    assert waiting(data) == []


def test_changes_of_commands_are_recorded(cli: Cli, tmp_path: Path) -> None:
    order = order_id(1)
    for command in (
        ("ledger", "upgrade"),
        ("revoke", order),
        ("revoke", order, "--undo"),
        ("operators", "add", "anna", "--role", "sales"),
        ("operators", "role", "anna", "owner"),
        ("operators", "remove", "anna"),
        ("tokens", "create", "t", "--scope", "sales:read", "--days", "9"),
        ("tokens", "revoke", "t"),
        ("legal", "export", order),
        ("legal", "erase", order),
        ("legal", "erase", order, "--yes"),
        ("ledger", "tidy", "--free", "--older-than", "9d"),
        ("ledger", "tidy", "--free", "--older-than", "9d", "--yes"),
        ("studio", "--sign-out"),
    ):
        result = cli(*command)
        assert result.exit_code == 0, (command, result.output)
    # One that fails changes nothing.
    assert cli("revoke", "nothing").exit_code == 1
    assert cli("operators", "remove", "anna").exit_code == 1
    assert asyncio.run(recorded(tmp_path / "data")) == [
        ("add-operator", "anna:sales", "cli"),
        ("change-role", "anna:owner", "cli"),
        ("create-token", "t:9d:sales:read", "cli"),
        ("delete-free-orders", "9d", "cli"),
        ("erase-order", order, "cli"),
        ("export-order", order, "cli"),
        ("remove-operator", "anna", "cli"),
        ("restore", order, "cli"),
        ("revoke", order, "cli"),
        ("revoke-token", "t", "cli"),
        ("sign-out-everyone", "", "cli"),
    ]
