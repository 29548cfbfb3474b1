# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Slow imports: the store starts without its database drivers."""

import subprocess
import sys

from tests.store_process import ROOT

PROGRAM = """
import importlib, pkgutil, sys
import msrv.app, msrv.ledger
for module in pkgutil.iter_modules(msrv.ledger.__path__):
    if module.name != "db":
        importlib.import_module(f"msrv.ledger.{module.name}")
slow = {
    "aiomysql", "aiosqlite", "alembic", "asyncpg", "pymysql", "sqlalchemy"
}
print(sorted(slow & sys.modules.keys()))
"""


def test_only_modules_in_db_import_a_database_driver() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout == "[]\n"
