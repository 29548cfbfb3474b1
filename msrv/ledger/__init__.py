# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ledger: the store's record of sales, refunds, codes and downloads.

An event is first appended to a spool on this machine, and then written to a
database. Selling and serving never wait for the database.

`ledger` is the facade. `spool`, `segments` and `orphaned_spools` are the
write-ahead log; `events` are its records. `revocations` is the list that
downloads are checked against. All modules that import SQLAlchemy are in `db`,
which is imported in a thread after the store has started.
"""
