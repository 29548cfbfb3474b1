"""Database of the ledger: every statement of SQL."""
