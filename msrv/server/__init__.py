"""Sockets, graceful shutdown, restart on a change of code, health probe."""
