# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Database of the ledger: all modules that import SQLAlchemy.

They take 0.3 s to import, so other modules import them inside functions.

`database` has transactions and errors, `schema` the tables, `schema_upgrade`
their revisions. `sync` moves events from the spool here; `projection`,
`refunds` and `aggregates` apply them to the tables. `commands` and
`sign_in_rows` write what has to hold at once; the `*_queries` read.
"""
