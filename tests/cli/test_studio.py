# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The `studio` command: a sign-in link, and signing everyone out."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msrv.cli import main
from msrv.ledger import sign_ins as door_room
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.sign_ins import SignInStore
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from tests.conftest import NONCE


def run(data: Path, *arguments: str, **environ: str) -> Result:
    """Run the command on a data folder."""
    return CliRunner().invoke(
        main,
        ["studio", *arguments],
        env={"NONCE": NONCE, "MSRV_DATA": str(data), **environ},
    )


def test_studio_prints_only_the_sign_in_url(
    tmp_path: Path, keyring: Keyring
) -> None:
    result = run(tmp_path, MSRV_PUBLIC_URL="https://shop.example")
    assert result.exit_code == 0
    match = re.fullmatch(
        r"https://shop\.example/studio/enter/([^/]+)\n", result.stdout
    )
    assert match
    ticket = sign_in.read(
        keyring, sign_in.TicketKind.LINK, match[1], int(time.time())
    )
    assert 300 < ticket.expires_at - time.time() <= 600
    assert re.search(r"valid once, until \d\d:\d\d:\d\d UTC", result.stderr)
    assert run(tmp_path, "--base-url=https://other.example").stdout.startswith(
        "https://other.example/studio/enter/"
    )
    # It needs neither the ledger nor a running store.
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "studio",
        "codes mint --item night-bus --campaign vinyl --count 1",
        "link night-bus",
        "verify x",
        "keys export",
        "grant - night-bus",
    ],
)
def test_command_of_no_store_generates_no_nonce(
    command: str, library: Path, tmp_path: Path
) -> None:
    """A NONCE that is generated in the wrong folder opens no store."""
    data = tmp_path / "data"
    environ = {
        "NONCE": None,
        "MSRV_DATA": str(data),
        "MSRV_LIBRARY": str(library),
        "MSRV_PUBLIC_URL": "https://shop.example",
    }
    result = CliRunner().invoke(main, command.split(), env=environ)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert f"NONCE is not set, and there is no {data / 'nonce'}" in line
    assert not (data / "nonce").exists()


def make_ledger(data: Path) -> None:
    """Create the tables of a data folder's ledger."""

    async def prepare() -> None:
        database = Database.open(None, data, ConnectionRules())
        await schema_upgrade.upgrade_schema(database)
        await database.close()

    asyncio.run(prepare())


async def closed_at(data: Path, url: str | None = None) -> int:
    """When everyone was signed out, as a replica hears."""
    database = Database.open(url, data, ConnectionRules())
    try:
        return await SignInStore(data, database).all_signed_out_at()
    finally:
        await database.close()


def test_sign_out_ends_all_sessions(tmp_path: Path) -> None:
    make_ledger(tmp_path / "a")
    before = int(time.time())
    result = run(tmp_path / "a", "--sign-out")
    assert result.exit_code == 0
    assert result.stdout == "studio    everyone is signed out\n"
    heard = asyncio.run(closed_at(tmp_path / "a"))
    assert before <= heard <= int(time.time())


def test_sign_out_of_one_operator_is_refused(tmp_path: Path) -> None:
    make_ledger(tmp_path)
    result = run(tmp_path, "--sign-out", "--operator", "anna")
    assert result.exit_code == 2
    assert "it signs everyone out" in " ".join(result.stderr.split())
    assert asyncio.run(closed_at(tmp_path)) == 0


def test_sign_out_reaches_other_replicas(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"

    async def prepare() -> None:
        database = Database(url)
        await schema_upgrade.upgrade_schema(database)
        await database.close()

    asyncio.run(prepare())
    result = run(tmp_path / "a", "--sign-out", MSRV_DATABASE=url)
    assert result.exit_code == 0
    assert asyncio.run(closed_at(tmp_path / "b", url)) > 0


def test_sign_out_without_the_database_reports_its_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_room, "REFRESH_SECONDS", -1)
    result = run(
        tmp_path, "--sign-out", MSRV_DATABASE="mysql://u:secret@127.0.0.1:1/x"
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "signed out only where" in line
    assert "run it again once the database is available" in line
    assert "secret" not in line
    assert asyncio.run(closed_at(tmp_path)) > 0


def test_unwritable_data_folder_is_one_line(tmp_path: Path) -> None:
    make_ledger(tmp_path)
    (tmp_path / "studio").write_text("", encoding="ascii")
    result = run(tmp_path, "--sign-out")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "MSRV_DATA: can't write to" in line
