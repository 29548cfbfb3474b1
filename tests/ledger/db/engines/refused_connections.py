# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections that are refused, by the store or by the server."""

import pytest

from msrv.ledger.connection_rules import DEFAULT_RULES, ConnectionRules
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError


async def refusal(
    url: str, rules: ConnectionRules = DEFAULT_RULES
) -> DatabaseError:
    """Return the error of a refused connection."""
    database = Database(url, rules=rules)
    try:
        with pytest.raises(DatabaseError) as caught:
            async with database.read_transaction():
                pass
    finally:
        await database.close()
    return caught.value
