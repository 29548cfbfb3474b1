# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The ledger's commands, beside running stores."""

import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msrv.cli import main
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.sample_events import order_id
from tests.store_process import START_SECONDS, StoreProcess, launch_store

REVOKED_SECONDS = 60


def run(data: Path, *arguments: str, **environ: str) -> Result:
    """Run a command on a data folder."""
    return CliRunner().invoke(
        main, arguments, env={"MSRV_DATA": str(data), **environ}
    )


def test_upgrade_creates_the_tables_and_status_reports_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "ledger.sqlite3").touch()
    before = run(tmp_path, "ledger", "status")
    assert before.exit_code == 1
    assert "no tables yet" in before.stderr
    assert "msrv ledger upgrade" in before.stderr
    made = run(tmp_path, "ledger", "upgrade")
    assert made.exit_code == 0
    assert "tables    0014; created" in made.stdout
    assert "already up to date" in run(tmp_path, "ledger", "upgrade").stdout
    after = run(tmp_path, "ledger", "status")
    assert after.exit_code == 0
    assert [line.split()[0] for line in after.stdout.splitlines()] == [
        *("ledger", "tables", "orders", "refunds", "waiting")
    ]
    assert "traceback" not in after.output.lower()


def test_missing_driver_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "aiomysql", None)
    url = "mysql://u:p@db.example/msrv"
    result = run(tmp_path, "ledger", "status", MSRV_DATABASE=url)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "Error: MariaDB needs an extra package: pip install 'msrv[mysql]'\n"
    )


def test_tidy_deletes_only_with_yes(tmp_path: Path) -> None:
    assert run(tmp_path, "ledger", "upgrade").exit_code == 0
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as ledger:
        for number, days in ((1, 100), (2, 80)):
            ledger.execute(
                "INSERT INTO orders VALUES (?, ?, 'free', '', 'EUR', 0, 0)",
                (order_id(number), int(time.time()) - days * 86_400),
            )
    ledger.close()
    tidy = ("ledger", "tidy", "--free", "--older-than", "90d")
    for _ in range(2):
        shown = run(tmp_path, *tidy)
        assert shown.exit_code == 0
        assert "orders    1 that cost nothing" in shown.stdout
        assert "nothing was deleted; --yes deletes them" in shown.stdout
    done = run(tmp_path, *tidy, "--yes")
    assert "orders    1 that cost nothing" in done.stdout
    assert "deleted" in done.stdout.splitlines()[-1]
    assert "orders    0 that" in run(tmp_path, *tidy).stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--free",),
        ("--older-than", "90d"),
        ("--free", "--older-than", "0"),
        ("--free", "--older-than", "-5"),
        ("--free", "--older-than", "soon"),
    ],
)
def test_tidy_requires_free_and_an_age(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert run(tmp_path, "ledger", "tidy", *options).exit_code == 2


@pytest.mark.parametrize(
    ("database", "line"),
    [
        ("mysql://u:secret@127.0.0.1:1/x", "Can't connect to MySQL server"),
        ("mysql+asyncmy://u:secret@host/x", "MSRV_DATABASE: must be"),
        ("postgresql://u:secret@host", "MSRV_DATABASE: must be an address"),
        ("postgresql+psycopg://u:secret@host/x", "MSRV_DATABASE: must be"),
        ("oracle://u:secret@host/x", "MSRV_DATABASE: must be"),
        ("mysql://u:secret@host", "MSRV_DATABASE: must be an address"),
        ("mysql://u:secret@host:port/x", "MSRV_DATABASE: must be an address"),
        ("secret", "MSRV_DATABASE: must be an address like mysql://"),
    ],
)
def test_wrong_database_url_is_one_line_without_the_password(
    tmp_path: Path, database: str, line: str
) -> None:
    result = run(tmp_path, "ledger", "status", MSRV_DATABASE=database)
    assert result.exit_code == 1
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nonsense",), "'nonsense' is not an order number"),
        ((order_id(1), "NO SUCH"), "'NO SUCH' is not an item id"),
        ((order_id(1), "--undo"), f"nothing of order {order_id(1)} was rev"),
    ],
)
def test_invalid_orders_and_items_are_not_revoked(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    assert run(tmp_path, "ledger", "upgrade").exit_code == 0
    result = run(tmp_path, "revoke", *arguments)
    assert result.exit_code == 1
    assert line in result.stderr


COMMANDS = [
    ("ledger", "status"),
    ("ledger", "tidy", "--free", "--older-than", "9d"),
    ("ledger", "tidy", "--free", "--older-than", "9d", "--yes"),
    ("revoke", order_id(1)),
    ("operators", "list"),
    ("operators", "add", "anna", "--role", "owner"),
    ("tokens", "list"),
    ("tokens", "create", "t", "--scope", "sales:read", "--days", "9"),
    ("legal", "export", order_id(1)),
    ("legal", "erase", order_id(1), "--yes"),
    ("oss", "undo", order_id(1)),
    ("studio", "--sign-out"),
    ("studio", "--operator", "anna"),
]


@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize(
    "database", [{}, {"MSRV_DATABASE": "sqlite:///{data}/ledger.sqlite3"}]
)
def test_commands_of_a_ledger_refuse_a_folder_without_one(
    tmp_path: Path, arguments: tuple[str, ...], database: dict[str, str]
) -> None:
    data = tmp_path / "data"
    environ = {name: url.format(data=data) for name, url in database.items()}
    result = run(data, *arguments, **environ)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert f"there is no {data / 'ledger.sqlite3'}: set MSRV_DATA" in line
    assert not data.exists()


def test_command_awaits_the_ledger_of_a_store_that_has_just_started(
    tmp_path: Path,
) -> None:
    (tmp_path / "spool").mkdir()
    timer = threading.Timer(0.3, (tmp_path / "ledger.sqlite3").touch)
    timer.start()
    result = run(tmp_path, "operators", "list")
    timer.join()
    assert result.exit_code == 0
    assert "no operators" in result.stdout


@pytest.fixture
def stores(
    tmp_path: Path, mariadb: MariaDBServer
) -> Iterator[list[StoreProcess]]:
    """Two replicas with one database, and a data folder each."""
    database = tmp_path / "database"
    database.write_text(mariadb.create("replicas") + "\n", encoding="utf-8")
    running = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        running.append(
            launch_store(
                tmp_path / name,
                MSRV_DATABASE_FILE=str(database),
                MSRV_TLS="off",
            )
        )
    running[0].run("ledger", "upgrade")
    yield running
    for store in running:
        assert store.stop() == 0
        assert "traceback" not in store.log.read_text("utf-8").lower()
        assert mariadb.url("replicas") not in store.log.read_text("utf-8")


def status_of(store: StoreProcess, path: str) -> int:
    try:
        with urllib.request.urlopen(store.url + path, timeout=60) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def wait_for(store: StoreProcess, path: str, status: int) -> float:
    """Wait until an address answers so; the seconds that it took."""
    began = time.monotonic()
    while status_of(store, path) != status:
        assert time.monotonic() - began < REVOKED_SECONDS
        time.sleep(0.05)
    return time.monotonic() - began


def test_revoke_takes_effect_on_every_replica(
    stores: list[StoreProcess],
) -> None:
    one, other = stores
    release = one.request_json("/catalog")["releases"][0]
    items = [release["item_id"], release["items"][0]["item_id"]]
    bought = one.request_json("/purchases", [("item", item) for item in items])
    order = bought["order_id"]
    paths = [url.removeprefix(one.url) for url in bought["downloads"].values()]
    # Sold by one, and known to the other's operator.
    until = time.monotonic() + START_SECONDS
    while "orders    1" not in other.run("ledger", "status"):
        assert time.monotonic() < until
    grouped = " ".join(order[at : at + 4] for at in range(0, 24, 4))
    said = other.run("revoke", grouped, items[0])
    assert f"refunded  {items[0]}" in said
    assert f"valid     {items[1]}" in said
    for store in stores:
        assert wait_for(store, paths[0], 410) < REVOKED_SECONDS
        assert status_of(store, paths[1]) == 200
    one.run("revoke", order)
    for store in stores:
        assert wait_for(store, paths[1], 410) < REVOKED_SECONDS
    said = one.run("revoke", order, "--undo")
    assert "refunded" not in said
    for store in stores:
        for path in paths:
            assert wait_for(store, path, 200) < REVOKED_SECONDS
    # What is no line of the order is named, with what would be.
    result = run(
        Path(one.environ["MSRV_DATA"]),
        *("revoke", order, "no-such-item"),
        MSRV_DATABASE_FILE=one.environ["MSRV_DATABASE_FILE"],
    )
    assert result.exit_code == 1
    assert f"does not contain no-such-item, only {items[0]}" in result.stderr
