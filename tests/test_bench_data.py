# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The benchmarks' generated ledgers fit the database's tables."""

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine

from bench.ledger_data import fill_sqlite
from msrv.ledger.db import schema


def test_generated_ledger_fits_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    schema.metadata.create_all(engine)
    engine.dispose()
    fill_sqlite(path, 300)
    with sqlite3.connect(path) as connection:
        orders, refunded = connection.execute(
            "SELECT count(*), sum(refunded_minor) FROM orders"
        ).fetchone()
        of_items = connection.execute(
            "SELECT sum(refunded_minor) FROM order_items"
        ).fetchone()
    connection.close()
    assert orders == 300
    assert of_items == (refunded,)
    assert refunded > 0
