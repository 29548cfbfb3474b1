"""The ledger: what the store remembers, and never depends on.

A sale is first a line in a spool on this machine, then a row in a database.
Nothing here stands between a payment and its bytes.
"""
