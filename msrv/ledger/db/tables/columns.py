# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metadata, options and column types of the ledger's tables.

A module of its own: `schema` imports the tables, and each imports these.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, MetaData, String

metadata = MetaData()

# References that differ in case are different, which MariaDB's default
# collation doesn't respect; and a table is the same on every server.
OPTIONS: Final[dict[str, Any]] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}

ORDER_ID: Final = String(24)
ITEM_ID: Final = String(32)
CURRENCY: Final = String(3)
WORD: Final = String(64)
REFERENCE: Final = String(255)


def number(name: str) -> Column[int]:
    """Return a column of 64-bit integers that is never null."""
    return Column(name, BigInteger, nullable=False)
