# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Table of operators' passkeys.

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

# A removed one stays, with the time: its credential is never accepted again.
passkeys = Table(
    "passkeys",
    metadata,
    Column("passkey_id", WORD, primary_key=True),
    Column("operator_id", WORD, nullable=False),  # empty: without a name
    Column("name", WORD, nullable=False),
    # Ids of credentials are up to 1,023 bytes, too long for an index.
    Column("credential_sha256", String(64), nullable=False),
    Column("credential_id", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    number("sign_count"),
    Column("transports", REFERENCE, nullable=False),  # separated by spaces
    Column("tag", String(24), nullable=False),
    number("created_at"),
    Column("last_used_day", Integer, nullable=True),  # days since 1970, UTC
    Column("ended_at", BigInteger, nullable=True),
    Index("passkeys_by_credential", "credential_sha256", unique=True),
    Index("passkeys_by_operator", "operator_id"),
    **OPTIONS,
)
