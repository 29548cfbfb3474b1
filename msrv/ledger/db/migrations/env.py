# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Alembic environment: runs the migrations on the given connection."""

from typing import Any

from alembic import context
from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import Column, String, Table

from msrv.ledger.db.schema import metadata


class BytewisePostgresql(PostgresqlImpl):
    """PostgreSQL, where texts are compared by their bytes.

    By default they are compared by the database's language: ranges of codes,
    and the order of pages, would differ from one server to another.
    """

    __dialect__ = "postgresql"

    def create_table(self, table: Table, **options: Any) -> None:  # noqa: ANN401 - Alembic's
        """Create a table of such texts."""
        for column in table.columns:
            _compare_by_bytes(column)
        super().create_table(table, **options)

    def add_column(
        self,
        table_name: str,
        column: Column[Any],
        **options: Any,  # noqa: ANN401 - Alembic's
    ) -> None:
        """Add such a column."""
        _compare_by_bytes(column)
        super().add_column(table_name, column, **options)


def _compare_by_bytes(column: Column[Any]) -> None:
    if isinstance(column.type, String):
        column.type = column.type.copy()
        column.type.collation = "C"


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
with context.begin_transaction():
    context.run_migrations()
