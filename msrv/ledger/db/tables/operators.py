# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tables of who may use the studio, and of what they did.

Apart from `schema`, which collects the tables of all parts.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from msrv.ledger.db.tables.columns import (
    OPTIONS,
    REFERENCE,
    WORD,
    metadata,
    number,
)

# Named operators. A removed one stays, with the time, for the record of acts.
operators = Table(
    "operators",
    metadata,
    Column("operator_id", WORD, primary_key=True),
    Column("name", WORD, nullable=False),
    Column("role", String(16), nullable=False),
    number("created_at"),
    Column("ended_at", BigInteger, nullable=True),
    Index("operators_by_name", "name"),
    **OPTIONS,
)

# Tokens of programs: the SHA-256 of each, never the token.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", WORD, primary_key=True),
    Column("name", WORD, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("created_by", WORD, nullable=False),  # as in `acts.actor`
    number("created_at"),
    number("expires_at"),
    Column("ended_at", BigInteger, nullable=True),
    Column("last_used_day", Integer, nullable=True),  # days since 1970, UTC
    Index("api_tokens_by_name", "name"),
    **OPTIONS,
)

# Acts of operators, of programs with a token, and of the command line.
acts = Table(
    "acts",
    metadata,
    Column("act_id", WORD, primary_key=True),
    number("at_ms"),
    Column("session", WORD, nullable=False),
    # Empty: an operator without a name.
    Column("actor", WORD, nullable=False, server_default=""),
    Column("act", WORD, nullable=False),
    Column("subject", REFERENCE, nullable=False),
    Index("acts_by_time", "at_ms", "act_id"),
    Index("acts_by_subject", "subject"),
    Index("acts_by_actor", "actor", "at_ms", "act_id"),
    **OPTIONS,
)
