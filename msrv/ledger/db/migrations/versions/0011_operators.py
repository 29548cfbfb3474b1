# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Named operators, tokens of programs, and who did what."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_OPTIONS: Final = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Create the tables and the column, or the rest of an earlier attempt."""
    op.create_table(
        "operators",
        sa.Column("operator_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("operator_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "operators_by_name", "operators", ["name"], if_not_exists=True
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_day", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("token_id"),
        if_not_exists=True,
        **_OPTIONS,
    )
    op.create_index(
        "api_tokens_by_name", "api_tokens", ["name"], if_not_exists=True
    )
    columns = sa.inspect(op.get_bind()).get_columns("acts")
    if all(each["name"] != "actor" for each in columns):
        op.add_column(
            "acts",
            sa.Column(
                "actor",
                sa.String(length=64),
                nullable=False,
                server_default="",
            ),
        )
    op.create_index(
        "acts_by_actor",
        "acts",
        ["actor", "at_ms", "act_id"],
        if_not_exists=True,
    )
