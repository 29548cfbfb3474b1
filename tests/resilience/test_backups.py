# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Backups of a store that is killed again and again while people buy."""

import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from msrv.ledger.segments import read_records
from tests.backup.filled_stores import StoreFolder
from tests.backup.running_shop import Crowd, Shop, make_library
from tests.ledger.mariadb_server import MariaDBServer
from tests.store_process import ROOT

KILLS: Final = 3
_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "mariadb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Running shop, on either database."""
    url = None
    make_library(tmp_path / "library")
    folder = StoreFolder(tmp_path / "data")
    if request.param == "mariadb":
        server = request.getfixturevalue("mariadb")
        assert isinstance(server, MariaDBServer)
        url = server.create(f"killed_{next(_numbers)}")
        folder = StoreFolder(tmp_path / "data", url)
        folder.create_tables()
    shop = Shop(tmp_path, url).start()
    yield shop
    shop.end()


def orders_of(folder: StoreFolder) -> tuple[list[str], int]:
    """Return the orders of a restored store, and how many it has counted.

    After its spool was written to the database, as a store does that starts.
    """
    for path in sorted((folder.data / "spool").glob("*/*.log")):
        at = 0
        while True:
            batch = read_records(path, at)
            assert not batch.damaged
            folder.record(*batch.events)
            at = batch.next_byte
            if batch.is_last:
                break
    rows = folder.rows()
    counted = sum(row["orders"] for row in rows["days"])
    return [row["order_id"] for row in rows["orders"]], counted


def test_backup_has_every_acknowledged_sale_once(
    shop: Shop, tmp_path: Path
) -> None:
    source = StoreFolder(shop.data, shop.database)
    chance = random.Random(11)  # noqa: S311 - the same each time
    backups: list[tuple[Path, list[str]]] = []

    def back_up() -> None:
        """Make a backup, and note what was acknowledged before it."""
        acknowledged = list(crowd.receipts)
        path = tmp_path / f"{len(backups)}.tar.gz"
        source.back_up(path)
        backups.append((path, acknowledged))

    with Crowd(shop, "departure") as crowd:
        crowd.wait_for(5)
        for _ in range(KILLS):
            back_up()
            # And one while the store is killed, at any moment of it.
            during = threading.Thread(target=back_up)
            during.start()
            time.sleep(chance.random() / 5)
            shop.kill()
            during.join(120)
            back_up()
            shop.start()
            crowd.wait_for(3)
        back_up()
    shop.kill()
    back_up()

    assert len(backups) == 3 * KILLS + 2
    for number, (path, acknowledged) in enumerate(backups):
        restored = StoreFolder(tmp_path / f"restored-{number}")
        restored.restore(path)
        orders, counted = orders_of(restored)
        sold = {shop.order_id(each) for each in acknowledged}
        assert sold - set(orders) == set(), f"backup {number} lacks sales"
        assert len(orders) == len(set(orders)) == counted
    # The last one was made when all was quiet: a sale may be in it whose
    # buyer was told nothing, since the store was killed first.
    assert len(backups[-1][1]) > 5 + 3 * KILLS
    last, acknowledged = backups[-1]
    check_drill(shop, last, tmp_path, least=len(acknowledged))


def check_drill(
    shop: Shop, backup: Path, scratch: Path, *, least: int
) -> None:
    """Rehearse a restore from a backup; every receipt opens."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "msrv", "drill", str(backup), "--json"),
            f"--scratch={scratch}",
        ],
        cwd=ROOT,
        env=shop.store.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    # A sale that was recorded as the store was killed may have no buyer.
    assert found["open_receipts"] == found["receipts"] == found["orders"]
    assert found["orders"] >= least
