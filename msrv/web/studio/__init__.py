"""The studio: what an operator sees of the store, behind its own door.

The door itself asks nothing of a database. What is behind it is imported when
it is first asked for: the store starts without it.
"""
